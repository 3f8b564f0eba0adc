/** Where the blocks of a file are: in a list of extents in its inode, or in a tree that has its root there. */
import { allBlocks, checkExtents, recordSize, runIn } from './extent-record.ts';
import { treeRun } from './extent-tree.ts';
import type { Fork, Inode } from './inode.ts';
import type { Run } from './run.ts';
import type { BlockRange, Volume } from './volume.ts';

/**
 * The run of blocks that starts with block `logical` of a fork. Extents that are reserved but not written are holes.
 * @throws PortableError InvalidArgs when the map is corrupt, LimitsExceeded
 */
export async function mapBlock(volume: Volume, inode: Inode, fork: Fork, logical: number): Promise<Run> {
  if (logical >= allBlocks.to) throw volume.corrupt(`inode ${inode.number} is read at block ${logical}`);
  if (fork.format === 'btree') return treeRun(volume, inode, fork, logical);
  const what = `the list of ${fork.name} extents in inode ${inode.number}`;
  if (fork.format === 'local') throw volume.corrupt(`${what} is not there: it holds the content itself`);
  const room = Math.floor(fork.bytes.length / recordSize);
  if (fork.extents > BigInt(room)) {
    throw volume.corrupt(`${what} should have ${fork.extents} entries, with room for ${room}`);
  }
  const list = { bytes: fork.bytes, offset: 0, count: Number(fork.extents), what };
  checkExtents(volume, list, allBlocks);
  return runIn(volume, list, logical, allBlocks.to);
}

/** Blocks of a fork that belong together, or how many blocks from there on are a hole. */
export type Located = { readonly ranges: readonly BlockRange[] } | { readonly hole: number };

/**
 * Where the `count` blocks of a structure are that starts with block `logical` of a fork.
 * @throws PortableError InvalidArgs when only some of them are there, or the map is corrupt
 */
export async function locateBlocks(
  volume: Volume,
  inode: Inode,
  fork: Fork,
  wanted: { readonly logical: number; readonly count: number },
): Promise<Located> {
  const ranges: BlockRange[] = [];
  for (let done = 0; done < wanted.count;) {
    const run = await mapBlock(volume, inode, fork, wanted.logical + done);
    if (run.physical === undefined) {
      if (done === 0) return { hole: run.count };
      throw volume.corrupt(
        `block ${wanted.logical + done} of the ${fork.name} of inode ${inode.number} is missing, and others that belong to it are there`,
      );
    }
    const count = Math.min(run.count, wanted.count - done);
    const last = ranges.at(-1);
    if (last !== undefined && last.start + last.count === run.physical) {
      ranges[ranges.length - 1] = { start: last.start, count: last.count + count };
    } else {
      ranges.push({ start: run.physical, count });
    }
    done += count;
  }
  return { ranges };
}
