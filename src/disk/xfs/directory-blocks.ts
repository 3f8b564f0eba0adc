/**
 * The blocks of a directory that have its entries: "XFS Algorithms & Data Structures", chapter "Directories", sections
 * "Block Directories" and "Leaf Directories".
 */
import { checkHeader, directoryHeader } from './block-header.ts';
import { type EntryArea, alignment } from './directory-entries.ts';
import { locateBlocks } from './extent-map.ts';
import { u32 } from './fields.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';

/** struct xfs_dir3_data_hdr */
const header = { size: 64, magic: u32(0) } as const;
/** "XDB3": all of the directory is in this block, the index of its names as well; "XDD3": entries alone. */
const magics = { whole: 0x5844_4233, entries: 0x5844_4433 } as const;

/** struct xfs_dir2_block_tail: at the end of a block that is the whole directory, behind the index. */
const tail = { size: 8, count: u32(0) } as const;
const hashEntrySize = 8;

/** A block of a directory, checked. */
export interface DirectoryBlock {
  readonly area: EntryArea;
  /** The index at its end, when it is the whole directory. */
  readonly index: { readonly start: number; readonly count: number } | undefined;
}

/** Blocks of a directory that has no less than one. @throws PortableError InvalidArgs when the last is cut off */
export function blockCount(volume: Volume, inode: Inode): number {
  const { directoryBlockSize } = volume.superblock;
  if (inode.size === 0n || inode.size % BigInt(directoryBlockSize) !== 0n || inode.size > maxSize) {
    throw volume.corrupt(
      `directory inode ${inode.number} has ${inode.size} bytes, in blocks of ${directoryBlockSize}`,
    );
  }
  return Number(inode.size / BigInt(directoryBlockSize));
}

/** Bytes of entries; the index is behind: XFS_DIR2_SPACE_SIZE. */
export const maxSize = 2n ** 35n;

/**
 * Block `number` of a directory, or how many from there on are a hole.
 * @throws PortableError InvalidArgs when it is corrupt
 */
export async function directoryBlock(
  volume: Volume,
  inode: Inode,
  number: number,
): Promise<DirectoryBlock | { readonly hole: number }> {
  const { directoryBlocks } = volume.superblock;
  const wanted = { logical: number * directoryBlocks, count: directoryBlocks };
  const found = await locateBlocks(volume, inode, inode.data, wanted);
  if ('hole' in found) return { hole: Math.max(1, Math.floor(found.hole / directoryBlocks)) };
  const block = found.ranges[0]?.start ?? 0;
  const what = `directory block ${number} of inode ${inode.number}`;
  const bytes = await volume.metadata(found.ranges, {
    // by its place as well: a directory made of the same block many times has many blocks to pay for
    key: `directory:${inode.number}:${number}`,
    check: (read) => {
      const magic = header.magic(read);
      if (magic !== magics.whole && magic !== magics.entries) {
        throw volume.corrupt(`${what} (block ${block}) has the magic number 0x${magic.toString(16)}`);
      }
      checkHeader(volume, read, directoryHeader, { block, owner: inode.number, what });
    },
  });
  if (header.magic(bytes) === magics.entries) {
    return { area: { bytes, start: header.size, end: bytes.length, what }, index: undefined };
  }
  const count = tail.count(bytes, bytes.length - tail.size);
  const start = bytes.length - tail.size - count * hashEntrySize;
  if (start < header.size || start % alignment !== 0) {
    throw volume.corrupt(`${what} has an index of ${count} names, which does not fit`);
  }
  return { area: { bytes, start: header.size, end: start, what }, index: { start, count } };
}
