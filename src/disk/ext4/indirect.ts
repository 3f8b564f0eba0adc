/**
 * Block maps: how ext2 and ext3 say where the blocks of a file are. Twelve block numbers in the inode, then
 * blocks full of block numbers, one, two and three levels deep. 0 means not stored.
 * Layout: https://docs.kernel.org/filesystems/ext4/ifork.html ("Direct/Indirect Block Addressing")
 */
import type { Run } from './run.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';

const directBlocks = 12;
const levels = 3;
const pointerSize = 4;

/** The run of an inode without extents that starts at file block `logical`. */
export async function indirectRun(volume: Volume, inode: Inode, logical: number): Promise<Run> {
  const what = `a block of inode ${inode.number}`;
  if (logical < directBlocks) return pointerRun(volume, inode.blockArea, logical, directBlocks, what);
  const perBlock = volume.superblock.blockSize / pointerSize;
  let rest = logical - directBlocks;
  for (let level = 1; level <= levels; level++) {
    const covered = perBlock ** level;
    if (rest < covered) {
      const top = inode.blockArea.readUInt32LE((directBlocks + level - 1) * pointerSize);
      return descend(volume, inode, { top, level, rest });
    }
    rest -= covered;
  }
  throw volume.corrupt(`inode ${inode.number} has a file block ${logical}, more than its block map can hold`);
}

/** Follows the pointers from `top`, `level` levels above the data, to the block number `rest` below it. */
async function descend(
  volume: Volume,
  inode: Inode,
  path: { top: number; level: number; rest: number },
): Promise<Run> {
  const perBlock = volume.superblock.blockSize / pointerSize;
  let { top, rest } = path;
  for (let level = path.level; ; level--) {
    if (top === 0) return { count: perBlock ** level - rest, physical: undefined };
    const what = `an indirect block of inode ${inode.number}`;
    const block = await volume.block(top, { key: `indirect:${level}`, what });
    if (level === 1) return pointerRun(volume, block, rest, perBlock, `a block of inode ${inode.number}`);
    const below = perBlock ** (level - 1);
    top = block.readUInt32LE(Math.floor(rest / below) * pointerSize);
    rest %= below;
  }
}

/** The run that starts with pointer number `at` of `count`: holes, or blocks one after the other. */
function pointerRun(volume: Volume, pointers: Buffer, at: number, count: number, what: string): Run {
  const first = pointers.readUInt32LE(at * pointerSize);
  let length = 1;
  while (at + length < count) {
    const next = pointers.readUInt32LE((at + length) * pointerSize);
    if (next !== (first === 0 ? 0 : first + length)) break;
    length++;
  }
  if (first === 0) return { count: length, physical: undefined };
  volume.checkBlocks(first, length, what);
  return { count: length, physical: first };
}
