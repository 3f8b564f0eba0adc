/**
 * Inodes: finding one by its number, and what it says.
 * "XFS Algorithms & Data Structures", chapters "Inode Numbers" and "On-disk Inode".
 */
import { kindOfMode } from '../node-kind.ts';
import type { NodeKind, NodeStat } from '../tree.ts';
import { checksumMatches } from './checksum.ts';
import { type Fork, forkOf, forkFormats } from './fork.ts';
import { inodeLayout as layout, coreSize, inodeChecksumAt, inodeMagic, inodeUuidAt } from './inode-layout.ts';
import { uuidSize } from './superblock-layout.ts';
import type { Volume } from './volume.ts';

/** The only version of inodes in version 5 of the file system. */
const readVersion = 3;

/** di_flags and di_flags2 that matter for reading. */
const realtimeFlag = 0x1;
const flags2 = { bigtime: 0x8n, manyExtents: 0x10n, metadata: 0x20n } as const;

export type { Fork } from './fork.ts';

export interface Inode {
  readonly number: bigint;
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
  /** Its content is on another device, or in another part of this one, for which we have no reader. */
  readonly isRealtime: boolean;
  /** One of the file system's own, which no directory of users' may have. */
  readonly isInternal: boolean;
  readonly data: Fork;
  readonly attributes: Fork | undefined;
}

/**
 * Reads the inode `number`: its place follows from the number alone.
 * @throws PortableError InvalidArgs when there is none of that number, its checksum is wrong, or it is corrupt
 */
export async function readInode(volume: Volume, number: bigint): Promise<Inode> {
  const { groupBlocksLog, inodesPerBlockLog, inodeSize, groups } = volume.superblock;
  const group = number >> BigInt(groupBlocksLog + inodesPerBlockLog);
  const inGroup = Number(BigInt.asUintN(groupBlocksLog + inodesPerBlockLog, number));
  const what = `inode ${number}`;
  if (group >= BigInt(groups))
    throw volume.corrupt(`${what} is in group ${group}, but there are only ${groups}`);
  const inGroupBlock = Math.floor(inGroup / 2 ** inodesPerBlockLog);
  const block = volume.locateInGroup(Number(group), inGroupBlock, 1, what);
  const bytes = await volume.metadata([{ start: block, count: 1 }], { key: 'inodes' });
  const start = (inGroup % 2 ** inodesPerBlockLog) * inodeSize;
  return parseInode(
    volume,
    number,
    Buffer.from(bytes.subarray(start, start + inodeSize)),
    `${what} (block ${block})`,
  );
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
    inode: inode.number,
    links: inode.links,
    mtime: inode.mtime,
    ...(kind === 'character' || kind === 'block' ? { device: deviceOf(inode) } : {}),
  };
}

function parseInode(volume: Volume, number: bigint, bytes: Buffer, where: string): Inode {
  const bad = (what: string) => volume.corrupt(`${where} ${what}`);
  const magic = layout.magic(bytes);
  if (magic !== inodeMagic)
    throw bad(`has the magic number 0x${magic.toString(16)}: there is none of that number`);
  const version = layout.version(bytes);
  if (version !== readVersion) throw bad(`is of version ${version}, expected ${readVersion}`);
  if (!checksumMatches(bytes, inodeChecksumAt)) throw bad('has a checksum that does not match');
  if (layout.number(bytes) !== number) throw bad(`says that it is inode ${layout.number(bytes)}`);
  if (volume.superblock.uuid.compare(bytes, inodeUuidAt, inodeUuidAt + uuidSize) !== 0) {
    throw bad('has the UUID of another file system');
  }
  const mode = layout.mode(bytes);
  const kind = kindOfMode(mode);
  if (kind === undefined) throw bad(`is unused or of an unknown kind (mode 0o${mode.toString(8)})`);
  const size = layout.size(bytes);
  if (size >= 2n ** 63n) throw bad(`has a size of ${size} bytes`);
  const more = layout.flags2(bytes);
  const hasManyExtents = (more & flags2.manyExtents) !== 0n;
  const literal = bytes.subarray(coreSize);
  const split = layout.forkOffset(bytes) * 8;
  if (split >= literal.length) throw bad(`has attributes from byte ${split} on, of ${literal.length}`);
  const data = forkOf(layout.dataFormat(bytes), {
    name: 'data',
    bytes: split === 0 ? literal : literal.subarray(0, split),
    extents: hasManyExtents ? layout.manyExtents(bytes) : BigInt(layout.extents(bytes)),
  });
  const attributes = forkOf(layout.attributeFormat(bytes), {
    name: 'attribute',
    bytes: literal.subarray(split),
    extents: BigInt(hasManyExtents ? layout.manyAttributeExtents(bytes) : layout.attributeExtents(bytes)),
  });
  if (data === undefined || !forkFormats[kind].includes(data.format)) {
    throw bad(`is a ${kind} with data of format ${layout.dataFormat(bytes)}`);
  }
  if (split > 0 && (attributes === undefined || attributes.format === 'device')) {
    throw bad(`has attributes of format ${layout.attributeFormat(bytes)}`);
  }
  return {
    number,
    kind,
    mode: mode & 0o7777,
    uid: layout.uid(bytes),
    gid: layout.gid(bytes),
    size,
    links: layout.links(bytes),
    mtime: timeOf(layout.mtime(bytes), (more & flags2.bigtime) !== 0n),
    isRealtime: kind === 'file' && (layout.flags(bytes) & realtimeFlag) !== 0,
    isInternal: (more & flags2.metadata) !== 0n,
    data,
    attributes: split === 0 ? undefined : attributes,
  };
}

/** Seconds: with bigtime, nanoseconds since the first second that a signed 32-bit number can name; else that number. */
function timeOf(stored: bigint, isBig: boolean): bigint {
  return isBig ? stored / 1_000_000_000n - 2n ** 31n : BigInt.asIntN(32, stored >> 32n);
}

/** The device number, packed as by sysv: 14 bits and 18. */
function deviceOf({ data }: Inode): { readonly major: number; readonly minor: number } {
  const packed = data.bytes.readUInt32BE(0);
  return { major: (packed >>> 18) & 0x3fff, minor: packed & 0x3_ffff };
}
