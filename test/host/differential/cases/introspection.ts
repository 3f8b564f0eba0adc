/** Introspection data of every object, and of none. */
import { imagesPath, introspect, logControlPath, managerPath } from '../calls.ts';
import type { Case } from '../case.ts';

const paths = [
  '/',
  '/org',
  '/org/freedesktop',
  managerPath,
  imagesPath,
  `${imagesPath}/pool`,
  `${imagesPath}/poolraw_5f1`,
  `${imagesPath}/vendor`,
  logControlPath,
  `${imagesPath}/nope`,
  `${imagesPath}/_`,
  `${imagesPath}/pool_2fother`,
  `${imagesPath}/_zz`,
  `${imagesPath}/Pool`,
  '/nonexistent',
  '/org/freedesktop/portable',
  `${managerPath}/imag`,
  `${managerPath}/image/pool/more`,
];

export const introspectionCases: readonly Case[] = [
  ...paths.map((path) => ({ name: `Introspect ${path}`, steps: [introspect(path)] })),
  {
    name: 'Introspect a label that decodes to bad UTF-8',
    steps: [introspect(`${imagesPath}/_ff`)],
  },
  {
    name: 'Introspect a label with an escaped NUL',
    steps: [introspect(`${imagesPath}/pool_00b`)],
  },
];
