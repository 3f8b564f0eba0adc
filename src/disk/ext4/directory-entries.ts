/**
 * Directory entries as stored: records one after the other, each with the distance to the next, never across blocks.
 * Layout: https://docs.kernel.org/filesystems/ext4/directory.html ("Linear (Classic) Directories")
 */
import type { PortableError } from '../../base/errors.ts';
import { entryKinds } from '../node-kind.ts';
import type { NodeKind } from '../tree.ts';
import { u16, u32, u8 } from './fields.ts';
import type { Volume } from './volume.ts';

const layout = {
  /** Bytes before the name. */
  size: 8,
  inode: u32(0x0),
  recordLength: u16(0x4),
  nameLength: u8(0x6),
  /** With the feature filetype. Without it this belongs to the name's length, which never needs it. */
  kind: u8(0x7),
} as const;

/** Bytes: records start at multiples of this, and the shortest has a name of one to four bytes. */
const alignment = 4;
const shortestRecord = 12;

/** Bytes of a name, NAME_MAX of linux/limits.h. */
export const maxNameLength = 255;

/** An entry that is in use, "." and ".." included. */
export interface StoredEntry {
  readonly inode: number;
  /** Part of the block: copy it before handing it out. */
  readonly name: Buffer;
  /** undefined: the inode knows. */
  readonly kind: NodeKind | undefined;
}

/**
 * The entries of one block of a directory (or of one part of an inline one).
 * @param where what error messages call it
 * @throws PortableError InvalidArgs when a record or a name is impossible
 */
export function* storedEntries(volume: Volume, block: Buffer, where: string): Generator<StoredEntry> {
  const records = recordsOf(volume, block, where);
  for (let at = 0; at < block.length;) {
    const length = checkedLength(records, at);
    const inode = layout.inode(block, at);
    if (inode !== 0) {
      if (inode > volume.superblock.inodes) {
        throw badRecord(records, at, `is for inode ${inode}, of ${volume.superblock.inodes}`);
      }
      const name = block.subarray(at + layout.size, at + layout.size + layout.nameLength(block, at));
      if (!isName(name)) throw badRecord(records, at, 'has an impossible name');
      yield { inode, name, kind: records.hasKinds ? entryKinds[layout.kind(block, at)] : undefined };
    }
    at += length;
  }
}

/**
 * The inode number that a block has for `name`, or undefined. Makes no objects per entry: directories without
 * an index are searched like this from end to end.
 * @throws PortableError InvalidArgs when a record before it is impossible
 */
export function findEntry(volume: Volume, block: Buffer, name: Buffer, where: string): number | undefined {
  const records = recordsOf(volume, block, where);
  for (let at = 0; at < block.length;) {
    const length = checkedLength(records, at);
    const start = at + layout.size;
    if (
      layout.nameLength(block, at) === name.length &&
      layout.inode(block, at) !== 0 &&
      block.compare(name, 0, name.length, start, start + name.length) === 0
    ) {
      return layout.inode(block, at);
    }
    at += length;
  }
  return undefined;
}

/** A block of records, and what is needed to read one. */
interface Records {
  readonly volume: Volume;
  readonly block: Buffer;
  readonly where: string;
  readonly blockSize: number;
  readonly hasKinds: boolean;
}

function recordsOf(volume: Volume, block: Buffer, where: string): Records {
  const { blockSize, features } = volume.superblock;
  return { volume, block, where, blockSize, hasKinds: features.has('filetype') };
}

/** Bytes from the record at `at` to the next, checked to be enough for its name and to stay in the block. */
function checkedLength(records: Records, at: number): number {
  const left = records.block.length - at;
  if (left < layout.size) throw badRecord(records, at, 'is cut off');
  const length = recordLength(layout.recordLength(records.block, at), records.blockSize);
  const named = layout.nameLength(records.block, at);
  if (length < shortestRecord || length % alignment !== 0 || length < layout.size + named || length > left) {
    const what = `is ${length} bytes long, with a name of ${named} and ${left} bytes left`;
    throw badRecord(records, at, what);
  }
  return length;
}

function badRecord({ volume, where }: Records, at: number, what: string): PortableError {
  return volume.corrupt(`${where}: the entry at byte ${at} ${what}`);
}

/** Whether `name` is what a directory says for itself or its parent. */
export function isDots(name: Buffer): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}

/** Whether an entry can have this name at all. */
export function isName(name: Buffer): boolean {
  return name.length > 0 && name.length <= maxNameLength && !name.includes(0x2f) && !name.includes(0);
}

/** Bytes to the next record. In blocks of 64 KiB, where 16 bits are not enough, the two lowest are bits 16 and 17. */
export function recordLength(stored: number, blockSize: number): number {
  if (blockSize < 0x1_0000) return stored;
  if (stored === 0 || stored === 0xffff) return blockSize;
  return (stored & 0xfffc) | ((stored & 3) << 16);
}
