/**
 * Inodes: one to a node, with room for addresses, data, entries or attributes behind the fields. Layout: struct
 * f2fs_inode; https://docs.kernel.org/filesystems/f2fs.html ("Index Structure").
 */
import { deviceNumber } from '../../base/device.ts';
import { kindOfMode } from '../node-kind.ts';
import type { NodeKind, NodeStat } from '../tree.ts';
import { f2fsCrc } from './checksum.ts';
import { type Nodes, footerSize } from './nodes.ts';
import { firstUserInode } from './superblock.ts';
import type { Volume } from './volume.ts';

/** Fields, bytes from the start of the node. */
const at = {
  mode: 0,
  advise: 2,
  inline: 3,
  uid: 4,
  gid: 8,
  links: 12,
  size: 16,
  mtime: 48,
  generation: 68,
  depth: 72,
  xattrNode: 76,
  flags: 80,
  directoryLevel: 347,
  /** Addresses, behind what the feature extra_attr puts there. */
  area: 360,
  extraSize: 360,
  inlineXattrSize: 362,
  checksum: 368,
  algorithm: 392,
  logClusterSize: 393,
  compressFlags: 394,
} as const;
const checksumSize = 4;

/** Numbers of nodes at the end of an inode: two with addresses, two with numbers of such, one level more. */
export const childNodes = 5;

/** Words of inline attributes where the inode does not say. */
const usualXattrWords = 50;

const adviseEncrypted = 0x04;

/** i_inline. */
const inlineFlags = { xattr: 0x01, data: 0x02, entries: 0x04, extra: 0x20 } as const;

/** i_flags that matter for reading. */
const inodeFlags = { compressed: 0x4, casefold: 0x4000_0000, deviceAlias: 0x8000_0000 } as const;

/** Cluster sizes that the format allows, as powers of two blocks; and the lowest bit of the flags: there are checksums. */
const logClusterSizes = { least: 2, most: 8 };
const clusterChecksum = 0x1;

/** How the content of a file is compressed. */
export interface Compression {
  readonly algorithm: number;
  /** Blocks that are compressed together. */
  readonly clusterBlocks: number;
  /** Whether each cluster has a checksum. */
  readonly hasChecksums: boolean;
}

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
  readonly device: { readonly major: number; readonly minor: number } | undefined;
  readonly isEncrypted: boolean;
  /** Names in this directory are looked up without regard to case. */
  readonly isCasefolded: boolean;
  readonly hasInlineData: boolean;
  readonly hasInlineEntries: boolean;
  readonly compression: Compression | undefined;
  /** Levels of a directory's hash tables; and how many times the first has been doubled. */
  readonly depth: number;
  readonly directoryLevel: number;
  /** Addresses of the first blocks, 32 bits each. */
  readonly addresses: Buffer;
  /** The same room, where data or entries are in it. */
  readonly inlineArea: Buffer;
  readonly inlineXattrs: Buffer;
  /** The node with further attributes, or 0. */
  readonly xattrNode: number;
  /** Numbers of the nodes with further addresses. */
  readonly children: readonly number[];
}

/**
 * Reads the inode `number`.
 * @throws PortableError InvalidArgs when there is none, its checksum is wrong, or it is corrupt; NotSupported when what it
 *   holds is on another device
 */
export async function readInode(nodes: Nodes, number: number): Promise<Inode> {
  const { volume } = nodes;
  if (number < firstUserInode) throw volume.corrupt(`inode ${number} is reserved`);
  return parseInode(volume, number, await nodes.read(number, number));
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
    ...(inode.device === undefined ? {} : { device: inode.device }),
  };
}

function parseInode(volume: Volume, number: number, block: Buffer): Inode {
  const { features } = volume.superblock;
  const bad = (what: string) => volume.corrupt(`inode ${number} has ${what}`);
  const mode = block.readUInt16LE(at.mode);
  const kind = kindOfMode(mode);
  if (kind === undefined) throw bad(`the unknown kind of mode 0o${mode.toString(8)}`);
  const inline = block.readUInt8(at.inline);
  const hasExtra = (inline & inlineFlags.extra) !== 0;
  if (hasExtra && !features.has('extra_attr')) {
    throw bad('extra attributes, and the file system does not have the feature extra_attr');
  }
  const extraSize = hasExtra ? block.readUInt16LE(at.extraSize) : 0;
  const xattrSize = 4 * inlineXattrWords(volume, block, inline);
  const end = block.length - footerSize - childNodes * 4;
  const start = at.area + extraSize;
  const xattrStart = end - xattrSize;
  if (extraSize % 4 !== 0 || start + 4 >= xattrStart) {
    throw bad(
      `${extraSize} bytes of extra and ${xattrSize} of extended attributes, for which there is no room`,
    );
  }
  if (features.has('inode_checksum') && at.area + extraSize >= at.checksum + checksumSize) {
    checkChecksum(volume, number, block);
  }
  const flags = block.readUInt32LE(at.flags);
  if (features.has('device_alias') && (flags & inodeFlags.deviceAlias) !== 0) {
    throw volume.unsupported(`inode ${number} for another device`);
  }
  const size = block.readBigUInt64LE(at.size);
  if (size >= 2n ** 63n) throw bad(`a size of ${size} bytes`);
  const compression = compressionOf(volume, block, { number, kind, flags, extraSize });
  const addresses = Math.floor((xattrStart - start) / 4);
  const used = compression === undefined ? addresses : addresses - (addresses % compression.clusterBlocks);
  return {
    number,
    kind,
    mode: mode & 0o7777,
    uid: block.readUInt32LE(at.uid),
    gid: block.readUInt32LE(at.gid),
    size,
    links: block.readUInt32LE(at.links),
    mtime: block.readBigInt64LE(at.mtime),
    device: kind === 'character' || kind === 'block' ? deviceOf(block, start) : undefined,
    isEncrypted: (block.readUInt8(at.advise) & adviseEncrypted) !== 0,
    isCasefolded: (flags & inodeFlags.casefold) !== 0,
    hasInlineData: (inline & inlineFlags.data) !== 0,
    hasInlineEntries: (inline & inlineFlags.entries) !== 0,
    compression,
    depth: block.readUInt32LE(at.depth),
    directoryLevel: block.readUInt8(at.directoryLevel),
    addresses: block.subarray(start, start + used * 4),
    // the first word is left for an address
    inlineArea: block.subarray(start + 4, xattrStart),
    inlineXattrs: block.subarray(xattrStart, end),
    xattrNode: block.readUInt32LE(at.xattrNode),
    children: Array.from({ length: childNodes }, (_, index) => block.readUInt32LE(end + index * 4)),
  };
}

/** Room for attributes in the inode, in words of 32 bits. */
function inlineXattrWords(volume: Volume, block: Buffer, inline: number): number {
  const hasExtra = (inline & inlineFlags.extra) !== 0;
  if (volume.superblock.features.has('flexible_inline_xattr') && hasExtra) {
    return block.readUInt16LE(at.inlineXattrSize);
  }
  // inline entries have always left the room, used or not
  return (inline & (inlineFlags.xattr | inlineFlags.entries)) === 0 ? 0 : usualXattrWords;
}

/** Of the whole node but the checksum itself, which counts as zero; and before that, number and generation. */
function checkChecksum(volume: Volume, number: number, block: Buffer): void {
  const word = Buffer.alloc(4);
  word.writeUInt32LE(number);
  let crc = f2fsCrc(volume.superblock.checksumSeed, word);
  crc = f2fsCrc(crc, block.subarray(at.generation, at.generation + 4));
  crc = f2fsCrc(crc, block.subarray(0, at.checksum));
  crc = f2fsCrc(crc, Buffer.alloc(checksumSize));
  crc = f2fsCrc(crc, block.subarray(at.checksum + checksumSize));
  if (crc !== block.readUInt32LE(at.checksum))
    throw volume.corrupt(`the checksum of inode ${number} does not match`);
}

function compressionOf(
  volume: Volume,
  block: Buffer,
  inode: {
    readonly number: number;
    readonly kind: NodeKind;
    readonly flags: number;
    readonly extraSize: number;
  },
): Compression | undefined {
  const isCompressed =
    volume.superblock.features.has('compression') &&
    inode.kind === 'file' &&
    (inode.flags & inodeFlags.compressed) !== 0 &&
    at.area + inode.extraSize >= at.compressFlags + 2;
  if (!isCompressed) return undefined;
  const log = block.readUInt8(at.logClusterSize);
  if (log < logClusterSizes.least || log > logClusterSizes.most) {
    throw volume.corrupt(`inode ${inode.number} has clusters of 2^${log} blocks`);
  }
  return {
    algorithm: block.readUInt8(at.algorithm),
    clusterBlocks: 1 << log,
    hasChecksums: (block.readUInt16LE(at.compressFlags) & clusterChecksum) !== 0,
  };
}

/** The device number: 16 bits in the first address as ever, or 32 bits in the second. */
function deviceOf(block: Buffer, start: number): { readonly major: number; readonly minor: number } {
  const old = block.readUInt32LE(start);
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  return deviceNumber(BigInt(block.readUInt32LE(start + 4)));
}
