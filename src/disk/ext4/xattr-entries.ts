/**
 * Extended attributes as stored: a list of entries behind the inode's fields, and one in a block of its own.
 * Layout: https://docs.kernel.org/filesystems/ext4/attributes.html
 */
import { crc32c } from '../crc.ts';
import { u16, u32, u8 } from './fields.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';

/** Both lists start with it: h_magic. */
const listMagic = 0xea02_0000;
const magicSize = 4;

const blockHeader = { size: 32, magic: u32(0x0), blocks: u32(0x8), checksum: u32(0x10) } as const;
const blockChecksumAt = 0x10;

const entryLayout = {
  size: 16,
  nameLength: u8(0x0),
  nameIndex: u8(0x1),
  valueOffset: u16(0x2),
  valueInode: u32(0x4),
  valueSize: u32(0x8),
} as const;

/** Entries and values start at multiples of this; a word of zeros ends the list. */
const alignment = 4;

/** Bytes: the kernel lets no attribute be larger, xattr(7). */
export const maxXattrSize = 65536;

/** e_name_index: what to put before the name. */
export const xattrIndex = {
  user: 1,
  aclAccess: 2,
  aclDefault: 3,
  trusted: 4,
  security: 6,
  system: 7,
  gnu: 10,
} as const;

export interface XattrEntry {
  /** One of xattrIndex, or unknown. */
  readonly index: number;
  /** The name without what the index stands for. */
  readonly name: Buffer;
  /** The inode that holds the value; 0: it is `value`. */
  readonly valueInode: number;
  /** Bytes of the value, wherever it is. */
  readonly valueSize: number;
  readonly value: Buffer;
}

/** The entries behind the fields of an inode. */
export function inodeXattrs(volume: Volume, inode: Inode): XattrEntry[] {
  const area = inode.xattrArea;
  if (area.length < magicSize + alignment || area.readUInt32LE(0) !== listMagic) return [];
  const list = area.subarray(magicSize);
  return parseEntries(volume, list, { start: 0, where: `the attributes in inode ${inode.number}` });
}

/** The entries in the attribute block of an inode, if it has one. */
export async function blockXattrs(volume: Volume, inode: Inode): Promise<XattrEntry[]> {
  const number = inode.xattrBlock;
  if (number === 0) return [];
  const where = `attribute block ${number} of inode ${inode.number}`;
  const block = await volume.block(number, {
    key: 'xattrs',
    what: `the attribute block of inode ${inode.number}`,
    check: (bytes) => checkBlock(volume, number, bytes, where),
  });
  return parseEntries(volume, block, { start: blockHeader.size, where });
}

function checkBlock(volume: Volume, number: number, bytes: Buffer, where: string): void {
  if (blockHeader.magic(bytes) !== listMagic || blockHeader.blocks(bytes) !== 1) {
    throw volume.corrupt(`${where} does not start as one (expected the magic number 0xea020000 and 1 block)`);
  }
  const { features, checksumSeed } = volume.superblock;
  if (!features.has('metadata_csum')) return;
  const numberBytes = Buffer.alloc(8);
  numberBytes.writeBigUInt64LE(BigInt(number));
  const before = crc32c(crc32c(checksumSeed, numberBytes), bytes, 0, blockChecksumAt);
  const crc = crc32c(crc32c(before, Buffer.alloc(4)), bytes, blockChecksumAt + 4);
  if (crc !== blockHeader.checksum(bytes)) throw volume.corrupt(`the checksum of ${where} does not match`);
}

/** @param list value offsets count from its start; the entries start at `at.start`, and must end with zeros */
function parseEntries(volume: Volume, list: Buffer, at: { start: number; where: string }): XattrEntry[] {
  const bad = (what: string) => volume.corrupt(`${at.where}: ${what}`);
  const found: { position: number; entry: Omit<XattrEntry, 'value'>; offset: number }[] = [];
  let position = at.start;
  for (;;) {
    if (position + alignment > list.length) throw bad('the list has no end');
    if (list.readUInt32LE(position) === 0) break;
    const nameEnd = position + entryLayout.size + entryLayout.nameLength(list, position);
    if (nameEnd > list.length) throw bad(`the entry at byte ${position} is cut off`);
    const name = Buffer.from(list.subarray(position + entryLayout.size, nameEnd));
    if (name.includes(0)) throw bad(`the name of the entry at byte ${position} has a zero byte in it`);
    const entry = {
      index: entryLayout.nameIndex(list, position),
      name,
      valueInode: entryLayout.valueInode(list, position),
      valueSize: entryLayout.valueSize(list, position),
    };
    found.push({ position, entry, offset: entryLayout.valueOffset(list, position) });
    position = Math.ceil(nameEnd / alignment) * alignment;
  }
  const valuesFrom = position + alignment;
  return found.map(({ position: of, entry, offset }) => {
    if (entry.valueInode !== 0 || entry.valueSize === 0) return { ...entry, value: Buffer.alloc(0) };
    if (offset < valuesFrom || offset + entry.valueSize > list.length) {
      throw bad(
        `the value of the entry at byte ${of} is at bytes ${offset} to ${offset + entry.valueSize - 1}, outside ${valuesFrom} to ${list.length - 1}`,
      );
    }
    return { ...entry, value: Buffer.from(list.subarray(offset, offset + entry.valueSize)) };
  });
}
