/** Content in one row of blocks, its tail possibly right after the inode. */
import { corrupt } from './errors.ts';
import { dataLayout } from './format.ts';
import { inodeEnd } from './inode.ts';
import type { Inode } from './inode.ts';
import { storedRun, zeroRun } from './run.ts';
import type { FindRun, Run } from './run.ts';
import type { Purpose, Volume } from './volume.ts';

/** Finds the run that an offset of such content is in. @throws PortableError InvalidArgs when the image is corrupt */
export function flatRuns(volume: Volume, inode: Inode, purpose: Purpose): FindRun {
  const inline = inode.layout === dataLayout.flatInline;
  const blockSize = BigInt(volume.superblock.blockSize);
  // the last block, full or not, is the inline one
  const tailStart = inline && inode.size > 0n ? ((inode.size - 1n) / blockSize) * blockSize : inode.size;
  const blocks =
    inode.startBlock === undefined
      ? zeroRun(inode.size)
      : storedRun(volume, purpose, 0n, tailStart, inode.startBlock * blockSize);
  return (offset) => (offset < tailStart ? blocks : inlineRun(volume, inode, tailStart));
}

function inlineRun(volume: Volume, inode: Inode, tailStart: bigint): Run {
  const { space } = inode;
  const position = inodeEnd(inode);
  const length = inode.size - tailStart;
  const blockSize = BigInt(volume.superblock.blockSize);
  if ((position % blockSize) + length > blockSize) {
    throw corrupt(
      space.name,
      `${length} bytes of inline data of inode ${inode.node} are not inside one block`,
    );
  }
  return { end: inode.size, read: (offset, wanted) => space.read(position + (offset - tailStart), wanted) };
}
