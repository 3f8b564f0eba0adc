/** Units where nothing runs, or nothing is to be changed: links come with the images, the rest is only told. */
import type { Units } from '../services.ts';

export const unitsInFiles: Units = {
  reload: () => Promise.resolve(),
  enable: () => Promise.resolve([]),
  disable: () => Promise.resolve([]),
  run: (kind, unit) => Promise.resolve({ unit, kind, result: undefined }),
  instances: () => Promise.resolve([]),
  running: () => Promise.resolve([]),
  clean: () => Promise.resolve(false),
};
