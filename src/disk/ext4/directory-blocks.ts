/**
 * The blocks of a directory, checked: leaves with entries, and the nodes of its hash index between them.
 * Layout: https://docs.kernel.org/filesystems/ext4/directory.html (dir_entry_tail, dx_tail)
 */
import { crc32c } from '../crc.ts';
import { recordLength } from './directory-entries.ts';
import { u16, u32, u8 } from './fields.ts';
import { type Inode, hasFlag } from './inode.ts';
import { mapBlock } from './block-map.ts';
import type { Volume } from './volume.ts';

/** The record at the end of a leaf that holds its checksum. */
const leafTail = {
  size: 12,
  inode: u32(0x0),
  recordLength: u16(0x4),
  nameLength: u8(0x6),
  mark: u8(0x7),
  checksum: u32(0x8),
} as const;
const leafTailMark = 0xde;

/** The last entry of an index node, which holds its checksum behind a word of zeros. */
const nodeTail = { size: 8, checksumAt: 4, checksum: u32(0x4) } as const;

/** Offsets of the index: in the root, behind the records of "." and ".."; in other nodes, behind an empty record. */
export const indexAt = { root: 0x20, node: 0x8 } as const;
const firstRecordLength = u16(0x4);
const firstInode = u32(0x0);
const indexEntrySize = 8;
const indexLimit = u16(0x0);
const indexCount = u16(0x2);

/** Blocks of a directory; the last may not be cut off. */
export function directoryBlocks(volume: Volume, inode: Inode): number {
  const { blockSize } = volume.superblock;
  if (inode.size % BigInt(blockSize) !== 0n) {
    throw volume.corrupt(
      `directory inode ${inode.number} has ${inode.size} bytes, which is not a multiple of the block size ${blockSize}`,
    );
  }
  return Number(inode.size / BigInt(blockSize));
}

/** A block of a directory, or how many blocks from there on are a hole. */
export type DirectoryBlock = { readonly bytes: Buffer } | { readonly hole: number };

/**
 * Block `logical` of a directory, its checksum verified.
 * @throws PortableError InvalidArgs when it is corrupt
 */
export async function directoryBlock(volume: Volume, inode: Inode, logical: number): Promise<DirectoryBlock> {
  const run = await mapBlock(volume, inode, logical);
  if (run.physical === undefined) return { hole: run.count };
  const what = `directory block ${logical} of inode ${inode.number}`;
  const where = `${what} (block ${run.physical})`;
  const bytes = await volume.block(run.physical, {
    // by its place as well: a directory made of the same block many times has many blocks to pay for
    key: `directory:${inode.number}:${logical}`,
    what,
    check: (block) => checkChecksum(volume, inode, { logical, block, where }),
  });
  return { bytes };
}

/** Whether a block of an indexed directory is a node of the index rather than a leaf. */
export function isIndexBlock(volume: Volume, inode: Inode, logical: number, block: Buffer): boolean {
  if (!hasFlag(inode, 'indexed')) return false;
  const { blockSize } = volume.superblock;
  return (
    logical === 0 ||
    (firstInode(block) === 0 && recordLength(firstRecordLength(block), blockSize) === blockSize)
  );
}

function checkChecksum(
  volume: Volume,
  inode: Inode,
  at: { logical: number; block: Buffer; where: string },
): void {
  if (!volume.superblock.features.has('metadata_csum')) return;
  const { block, where } = at;
  const matches = isIndexBlock(volume, inode, at.logical, block)
    ? nodeMatches(inode, block, at.logical === 0 ? indexAt.root : indexAt.node)
    : leafMatches(inode, block);
  if (matches === 'absent') {
    throw volume.corrupt(`${where} has no checksum`, "run 'e2fsck -D' on a copy of the image");
  }
  if (!matches) throw volume.corrupt(`the checksum of ${where} does not match`);
}

function leafMatches(inode: Inode, block: Buffer): boolean | 'absent' {
  const tail = block.length - leafTail.size;
  const isTail =
    leafTail.inode(block, tail) === 0 &&
    leafTail.recordLength(block, tail) === leafTail.size &&
    leafTail.nameLength(block, tail) === 0 &&
    leafTail.mark(block, tail) === leafTailMark;
  if (!isTail) return 'absent';
  return crc32c(inode.checksumSeed, block, 0, tail) === leafTail.checksum(block, tail);
}

/** The checksum of a node covers what is in use of it, and its tail with the checksum zero. */
function nodeMatches(inode: Inode, block: Buffer, at: number): boolean | 'absent' {
  const tail = at + indexLimit(block, at) * indexEntrySize;
  const end = at + indexCount(block, at) * indexEntrySize;
  if (tail + nodeTail.size > block.length || end > tail) return 'absent';
  const used = crc32c(inode.checksumSeed, block, 0, end);
  const reserved = crc32c(used, block, tail, tail + nodeTail.checksumAt);
  return crc32c(reserved, Buffer.alloc(4)) === nodeTail.checksum(block, tail);
}
