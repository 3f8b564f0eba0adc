/**
 * Targets of symlinks: in the inode when they fit, else in blocks that start with a header of their own.
 * "XFS Algorithms & Data Structures", chapter "Symbolic Links" (struct xfs_dsymlink_hdr).
 */
import { checkHeader, remoteHeader } from './block-header.ts';
import { locateBlocks } from './extent-map.ts';
import { u32 } from './fields.ts';
import type { Inode } from './inode.ts';
import type { BlockRange, Volume } from './volume.ts';

/** Bytes of a target: XFS_SYMLINK_MAXLEN, its zero byte left out. */
const maxTarget = 1023;

const header = { size: 56, magic: u32(0), offset: u32(4), bytes: u32(8) } as const;
/** "XSLM" */
const headerMagic = 0x5853_4c4d;

/**
 * The target of a symlink, as stored.
 * @throws PortableError InvalidArgs when it is corrupt
 */
export async function readTarget(volume: Volume, inode: Inode): Promise<Buffer> {
  const size = Number(inode.size);
  if (size === 0 || size > maxTarget)
    throw bad(volume, inode, `${inode.size} bytes, expected 1 to ${maxTarget}`);
  const target =
    inode.data.format === 'local'
      ? inode.data.bytes.subarray(0, size)
      : await readBlocks(volume, inode, size);
  if (target.length !== size) throw bad(volume, inode, `${size} bytes, of which there are ${target.length}`);
  if (target.includes(0)) throw bad(volume, inode, 'a zero byte in it');
  return Buffer.from(target);
}

/** Every stretch of blocks has a header, which says what part of the target follows it. */
async function readBlocks(volume: Volume, inode: Inode, size: number): Promise<Buffer> {
  const { blockSize } = volume.superblock;
  // as many as are needed when each has a header
  const count = Math.ceil(size / (blockSize - header.size));
  const found = await locateBlocks(volume, inode, inode.data, { logical: 0, count });
  if ('hole' in found) throw bad(volume, inode, `${size} bytes, but no block`);
  const parts: Buffer[] = [];
  for (const range of found.ranges)
    parts.push(await readPart(volume, inode, range, Buffer.concat(parts).length));
  return Buffer.concat(parts).subarray(0, size);
}

async function readPart(volume: Volume, inode: Inode, range: BlockRange, offset: number): Promise<Buffer> {
  const bytes = await volume.metadata([range], {
    key: `target:${inode.number}:${offset}`,
    check: (read) => {
      const at = { block: range.start, owner: inode.number, what: `the target of symlink ${inode.number}` };
      const magic = header.magic(read);
      if (magic !== headerMagic) throw bad(volume, inode, `the magic number 0x${magic.toString(16)}`);
      checkHeader(volume, read, remoteHeader, at);
      if (header.offset(read) !== offset || header.bytes(read) > read.length - header.size) {
        throw bad(
          volume,
          inode,
          `${header.bytes(read)} bytes from ${header.offset(read)} on in block ${range.start}`,
        );
      }
    },
  });
  return bytes.subarray(header.size, header.size + header.bytes(bytes));
}

function bad(volume: Volume, inode: Inode, what: string) {
  return volume.corrupt(`the target of the symlink with inode ${inode.number} has ${what}`);
}
