/** Where things are before they are installed. */
import { join } from 'node:path';

/** The checkout, or the unpacked package: this file is in src/install or dist/install. */
export const repository = join(import.meta.dirname, '../..');

/** The bundle that `npm run build` makes. */
export const bundleDirectory = join(repository, 'dist/portabled');
