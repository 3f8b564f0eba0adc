/** What the bytes of a file are made of: "On-disk Format", EXTENT_DATA. What no extent is for, is a hole. */
import { itemsUpTo } from './btree.ts';
import { corrupt, unsupported } from './errors.ts';
import { keyType, sizeOf } from './format.ts';
import type { Inode } from './inode.ts';
import type { Key } from './key.ts';

/** How an extent is compressed, as in btrfs(5). */
export type Compression = 'none' | 'zlib' | 'lzo' | 'zstd';

interface Extent {
  /** The bytes of the file that it is for. */
  readonly start: bigint;
  readonly end: bigint;
}

/** In the tree itself. */
export interface InlineExtent extends Extent {
  readonly kind: 'inline';
  readonly data: Buffer;
  readonly compression: Compression;
}

/** A part of what is stored at a logical address. */
export interface StoredExtent extends Extent {
  readonly kind: 'stored';
  readonly compression: Compression;
  readonly address: bigint;
  /** Bytes there, compressed. */
  readonly storedBytes: number;
  /** Bytes that they expand to. */
  readonly expandedBytes: number;
  /** Where in them the bytes of the file begin. */
  readonly offset: bigint;
}

/** Nothing was written there. */
export interface HoleExtent extends Extent {
  readonly kind: 'hole';
}

export type FileExtent = InlineExtent | StoredExtent | HoleExtent;

/** Bytes of a compressed extent, before and after. */
export const maxCompressedBytes = 128 * 1024;

const compressions: readonly Compression[] = ['none', 'zlib', 'lzo', 'zstd'];

/** Types of extents. Preallocated ones have room, but nothing in it yet. */
const inlineType = 0;
const regularType = 1;
const preallocatedType = 2;

/**
 * The extents that the bytes from `start` to before `end` of a file are in, in order.
 * @param sectorSize what extents are aligned to
 * @throws PortableError NotSupported naming an unknown compression, InvalidArgs when they are corrupt or overlap
 */
export async function* fileExtents(
  inode: Inode,
  sectorSize: number,
  start: bigint,
  end: bigint,
): AsyncGenerator<FileExtent, void> {
  const { tree, number } = inode;
  const at = (offset: bigint): Key => ({ objectId: number, type: keyType.extentData, offset });
  let reached = 0n;
  // one that starts before may reach until here
  for await (const { key, data } of itemsUpTo(tree, at(start), at(end - 1n))) {
    if (key.objectId !== number || key.type !== keyType.extentData) continue;
    const extent = readExtent(inode, sectorSize, key.offset, data);
    if (extent.start < reached) throw bad(inode, key.offset, `overlaps with the one that ends at ${reached}`);
    reached = extent.end;
    if (extent.end > start) yield extent;
  }
}

function readExtent(inode: Inode, sectorSize: number, start: bigint, data: Buffer): FileExtent {
  if (data.length < sizeOf.inlineExtent) throw bad(inode, start, `has ${data.length} bytes`);
  const compression = compressionOf(inode, start, data);
  const type = data.readUInt8(20);
  if (type === inlineType) return inlineExtent(inode, sectorSize, start, data, compression);
  if (type !== regularType && type !== preallocatedType) {
    throw unsupported(inode.tree.image, `the unknown extent type ${type} in ${placeOf(inode, start)}`);
  }
  if (data.length !== sizeOf.fileExtent) throw bad(inode, start, `has ${data.length} bytes`);
  const end = start + data.readBigUInt64LE(45);
  const address = data.readBigUInt64LE(21);
  checkAligned(inode, sectorSize, start, [
    start,
    end,
    address,
    data.readBigUInt64LE(29),
    data.readBigUInt64LE(37),
  ]);
  if (end === start) throw bad(inode, start, 'is empty');
  if (address === 0n || type === preallocatedType) return { kind: 'hole', start, end };
  return storedExtent(inode, { start, end, address, compression }, data);
}

/** @throws PortableError NotSupported when the data are compressed or encoded in a way that nobody knows */
function compressionOf(inode: Inode, start: bigint, data: Buffer): Compression {
  const number = data.readUInt8(16);
  const compression = compressions[number];
  const refuse = (what: string) => unsupported(inode.tree.image, `${what} in ${placeOf(inode, start)}`);
  if (compression === undefined) throw refuse(`the unknown compression ${number}`);
  const encryption = data.readUInt8(17);
  if (encryption !== 0) throw refuse(`the unknown encryption ${encryption}`);
  const encoding = data.readUInt16LE(18);
  if (encoding !== 0) throw refuse(`the unknown encoding ${encoding}`);
  return compression;
}

/** The only extent at the start of a small file; of a compressed one, no more than a sector. */
function inlineExtent(
  inode: Inode,
  sectorSize: number,
  start: bigint,
  item: Buffer,
  compression: Compression,
): InlineExtent {
  if (start !== 0n) throw bad(inode, start, 'is inline, and not at the start of the file');
  const end = item.readBigUInt64LE(8);
  const data = item.subarray(sizeOf.inlineExtent);
  const fits = compression === 'none' ? end === BigInt(data.length) : end <= BigInt(sectorSize);
  if (!fits) throw bad(inode, start, `has ${data.length} bytes for ${end} bytes of content`);
  return { kind: 'inline', start, end, data, compression };
}

function storedExtent(
  inode: Inode,
  { start, end, address, compression }: Pick<StoredExtent, 'start' | 'end' | 'address' | 'compression'>,
  data: Buffer,
): StoredExtent {
  const storedBytes = data.readBigUInt64LE(29);
  const offset = data.readBigUInt64LE(37);
  const isCompressed = compression !== 'none';
  const expandedBytes = isCompressed ? data.readBigUInt64LE(8) : storedBytes;
  if (offset + (end - start) > expandedBytes) {
    throw bad(inode, start, `is bytes ${offset} to ${offset + end - start} of ${expandedBytes}`);
  }
  if (isCompressed && (storedBytes > maxCompressedBytes || expandedBytes > maxCompressedBytes)) {
    throw bad(inode, start, `has ${storedBytes} compressed bytes for ${expandedBytes}`);
  }
  return {
    kind: 'stored',
    start,
    end,
    compression,
    address,
    storedBytes: Number(storedBytes),
    expandedBytes: Number(expandedBytes),
    offset,
  };
}

function checkAligned(inode: Inode, sectorSize: number, start: bigint, values: readonly bigint[]): void {
  const odd = values.find((value) => value % BigInt(sectorSize) !== 0n);
  if (odd !== undefined) throw bad(inode, start, `has ${odd}, which is no multiple of ${sectorSize}`);
}

function bad(inode: Inode, start: bigint, what: string): Error {
  return corrupt(inode.tree.image, `${placeOf(inode, start)} ${what}`);
}

/** What error messages call an extent. */
function placeOf({ number, tree }: Inode, start: bigint): string {
  return `the extent at ${start} of inode ${number} of subvolume ${tree.id}`;
}
