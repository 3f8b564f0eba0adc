/**
 * Inodes: finding one by its number, and what it says.
 * Layout: https://docs.kernel.org/filesystems/ext4/inodes.html
 */
import { kindOfMode } from '../node-kind.ts';
import type { NodeKind, NodeStat } from '../tree.ts';
import { crc32c } from '../crc.ts';
import { joined, le32, u16, u32 } from './fields.ts';
import { inodeTable } from './groups.ts';
import type { Volume } from './volume.ts';

/** Bytes of an inode that all revisions have; the rest is there as far as i_extra_isize says. */
export const baseInodeSize = 128;

/** Bytes of i_block: block map, extent root, or the data itself. */
export const blockAreaSize = 60;

const layout = {
  mode: u16(0x0),
  uidLow: u16(0x2),
  sizeLow: u32(0x4),
  atime: u32(0x8),
  mtime: u32(0x10),
  gidLow: u16(0x18),
  links: u16(0x1a),
  blocksLow: u32(0x1c),
  flags: u32(0x20),
  generation: u32(0x64),
  xattrBlockLow: u32(0x68),
  sizeHigh: u32(0x6c),
  blocksHigh: u16(0x74),
  xattrBlockHigh: u16(0x76),
  uidHigh: u16(0x78),
  gidHigh: u16(0x7a),
  checksumLow: u16(0x7c),
  extraSize: u16(0x80),
  checksumHigh: u16(0x82),
  mtimeExtra: u32(0x88),
} as const;
const blockAreaAt = 0x28;
const checksumLowAt = 0x7c;
const checksumHighAt = 0x82;
const mtimeExtraEnd = 0x8c;

/** i_flags that matter for reading. */
export const inodeFlags = {
  encrypted: 0x800,
  indexed: 0x1000,
  hugeFile: 0x4_0000,
  extents: 0x8_0000,
  xattrValue: 0x20_0000,
  inlineData: 0x1000_0000,
  casefold: 0x4000_0000,
} as const;

/** Bits of i_flags that nothing documents. Most of the others concern writing, or are for chattr(1). */
const unknownFlags = 0x8080_0000;

/** The inode of the root directory. */
export const rootInode = 2;

export interface Inode {
  readonly number: number;
  readonly kind: NodeKind;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: bigint;
  readonly links: number;
  /** Seconds since the epoch. */
  readonly mtime: bigint;
  /** The lower 32 bits of the times, which inodes of xattr values use for something else. */
  readonly rawTimes: { readonly atime: number; readonly mtime: number };
  readonly flags: number;
  readonly generation: number;
  /** Storage used, in units of 512 bytes. */
  readonly sectors: number;
  /** The block with extended attributes, or 0. */
  readonly xattrBlock: number;
  /** i_block. */
  readonly blockArea: Buffer;
  /** What is behind the fields: extended attributes. Empty for the small inodes of ext2 and ext3. */
  readonly xattrArea: Buffer;
  /** What the checksums of everything that belongs to this inode start from. */
  readonly checksumSeed: number;
}

/**
 * Reads the inode `number`.
 * @throws PortableError InvalidArgs when there is none of that number, its checksum is wrong, or it is corrupt
 */
export async function readInode(volume: Volume, number: number): Promise<Inode> {
  const { superblock } = volume;
  if (number < 1 || number > superblock.inodes) {
    throw volume.corrupt(`there is no inode ${number}, only 1 to ${superblock.inodes}`);
  }
  const index = (number - 1) % superblock.inodesPerGroup;
  const table = await inodeTable(volume, Math.floor((number - 1) / superblock.inodesPerGroup));
  const offset = index * superblock.inodeSize;
  const blockNumber = table + Math.floor(offset / superblock.blockSize);
  const block = await volume.block(blockNumber, { key: 'inodes', what: `inode ${number}` });
  const start = offset % superblock.blockSize;
  const bytes = Buffer.from(block.subarray(start, start + superblock.inodeSize));
  return parseInode(volume, number, blockNumber, bytes);
}

/** Whether a flag of `inodeFlags` is set. */
export function hasFlag(inode: Inode, flag: keyof typeof inodeFlags): boolean {
  return (inode.flags & inodeFlags[flag]) !== 0;
}

/** What the tree reports of an inode. */
export function inodeStat(inode: Inode): NodeStat {
  const { kind } = inode;
  return {
    kind,
    mode: inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    size: kind === 'file' || kind === 'symlink' ? inode.size : 0n,
    inode: BigInt(inode.number),
    links: inode.links,
    mtime: inode.mtime,
    ...(kind === 'character' || kind === 'block' ? { device: deviceOf(inode) } : {}),
  };
}

function parseInode(volume: Volume, number: number, blockNumber: number, bytes: Buffer): Inode {
  const { features, inodeSize } = volume.superblock;
  const where = `inode ${number} (block ${blockNumber})`;
  const extraSize = inodeSize > baseInodeSize ? layout.extraSize(bytes) : 0;
  const checksumSeed = crc32c(
    crc32c(volume.superblock.checksumSeed, le32(number)),
    le32(layout.generation(bytes)),
  );
  if (features.has('metadata_csum') && !checksumMatches(bytes, extraSize, checksumSeed)) {
    throw volume.corrupt(`the checksum of ${where} does not match`);
  }
  if (baseInodeSize + extraSize > inodeSize || extraSize % 4 !== 0) {
    throw volume.corrupt(`${where} has ${extraSize} bytes of extra fields, but its size is ${inodeSize}`);
  }
  const mode = layout.mode(bytes);
  const kind = kindOfMode(mode);
  if (kind === undefined) {
    throw volume.corrupt(`${where} is unused or of an unknown kind (mode 0o${mode.toString(8)})`);
  }
  const flags = layout.flags(bytes);
  if ((flags & unknownFlags) !== 0) {
    throw volume.unsupported(`${where} has the flags 0x${flags.toString(16)}, not all of which are known`);
  }
  if ((flags & inodeFlags.inlineData) !== 0 && !features.has('inline_data')) {
    throw volume.corrupt(
      `${where} has inline data, but the file system does not have the feature inline_data`,
    );
  }
  const wide = kind === 'file' || features.has('large_dir');
  const size = (BigInt(wide ? layout.sizeHigh(bytes) : 0) << 32n) | BigInt(layout.sizeLow(bytes));
  if (size >= 2n ** 63n) throw volume.corrupt(`${where} has a size of ${size} bytes`);
  const mtimeLow = layout.mtime(bytes);
  // the two lowest bits of the extra field continue the signed seconds; the others are nanoseconds
  const epoch = baseInodeSize + extraSize >= mtimeExtraEnd ? layout.mtimeExtra(bytes) & 3 : 0;
  return {
    number,
    kind,
    mode: mode & 0o7777,
    uid: joinedId(layout.uidLow(bytes), layout.uidHigh(bytes)),
    gid: joinedId(layout.gidLow(bytes), layout.gidHigh(bytes)),
    size,
    links: layout.links(bytes),
    mtime: BigInt(mtimeLow | 0) + (BigInt(epoch) << 32n),
    rawTimes: { atime: layout.atime(bytes), mtime: mtimeLow },
    flags,
    generation: layout.generation(bytes),
    sectors: sectorsOf(volume, bytes, flags),
    xattrBlock: joined(layout.xattrBlockLow(bytes), features.has('64bit') ? layout.xattrBlockHigh(bytes) : 0),
    blockArea: bytes.subarray(blockAreaAt, blockAreaAt + blockAreaSize),
    xattrArea: extraSize === 0 ? Buffer.alloc(0) : bytes.subarray(baseInodeSize + extraSize),
    checksumSeed,
  };
}

/** The checksum is of the whole inode with its own fields zero; small inodes have room for the lower half only. */
function checksumMatches(bytes: Buffer, extraSize: number, seed: number): boolean {
  const plain = Buffer.from(bytes);
  plain.writeUInt16LE(0, checksumLowAt);
  const isWide = extraSize >= checksumHighAt + 2 - baseInodeSize;
  if (isWide) plain.writeUInt16LE(0, checksumHighAt);
  const crc = crc32c(seed, plain);
  if ((crc & 0xffff) !== layout.checksumLow(bytes)) return false;
  return !isWide || crc >>> 16 === layout.checksumHigh(bytes);
}

function joinedId(low: number, high: number): number {
  return high * 0x1_0000 + low;
}

function sectorsOf(volume: Volume, bytes: Buffer, flags: number): number {
  const { features, blockSize } = volume.superblock;
  if (!features.has('huge_file')) return layout.blocksLow(bytes);
  const count = joined(layout.blocksLow(bytes), layout.blocksHigh(bytes));
  return (flags & inodeFlags.hugeFile) === 0 ? count : count * (blockSize / 512);
}

/** The device number: 16 bits in the first word of i_block as ever, or 32 bits in the second. */
function deviceOf(inode: Inode): { readonly major: number; readonly minor: number } {
  const old = inode.blockArea.readUInt32LE(0);
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  const wide = inode.blockArea.readUInt32LE(4);
  return { major: (wide >>> 8) & 0xfff, minor: (wide & 0xff) | ((wide >>> 12) & 0xfff00) };
}
