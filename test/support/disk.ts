import { mkdirSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** TMPFS_MAGIC and RAMFS_MAGIC of statfs(2). */
const volatileTypes = [0x01021994, 0x858458f6];

/** A directory on a real file system, where fsync is worth the while: the temporary directory, or the checkout. */
export function diskDirectory(): string {
  const cache = path.join(import.meta.dirname, '../../.cache');
  mkdirSync(cache, { recursive: true });
  const found = [tmpdir(), cache].find((at) => !volatileTypes.includes(statfsSync(at).type));
  if (found === undefined) throw new Error(`${tmpdir()} and ${cache} are in memory: these tests need a disk`);
  return found;
}
