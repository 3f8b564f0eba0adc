/** Where things are before they are installed. */
import { join } from 'node:path';

/** The checkout, or the unpacked package: this file is in src/install or dist/install. */
export const repository = join(import.meta.dirname, '../..');

/** The bundle that `npm run build` makes. */
export const bundleDirectory = join(repository, 'dist/portabled');

/**
 * Flags that the daemon's Node is started with. V8's code cache is only valid for the flags it was made with, so these
 * go into the unit files and into the making of the cache. docs/decisions/startup.md tells what they bring.
 */
export const nodeFlags: readonly string[] = [];
