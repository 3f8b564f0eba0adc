/** Where the blocks of a file are, however the inode says it. */
import { extentRun } from './extents.ts';
import { indirectRun } from './indirect.ts';
import { type Inode, hasFlag } from './inode.ts';
import type { Run } from './run.ts';
import type { Volume } from './volume.ts';

/**
 * The run of blocks that starts with block `logical` of a file.
 * @throws PortableError InvalidArgs when the map is corrupt, LimitsExceeded
 */
export function mapBlock(volume: Volume, inode: Inode, logical: number): Promise<Run> {
  return hasFlag(inode, 'extents') ? extentRun(volume, inode, logical) : indirectRun(volume, inode, logical);
}
