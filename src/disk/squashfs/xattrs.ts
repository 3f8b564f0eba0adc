/**
 * Extended attributes: an inode has an index into a table of sets; a set says where its names and values are, and
 * how many. A value used by several sets is stored once, and the others refer to it ("out of line").
 */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import { corrupt, unsupported } from './errors.ts';
import {
  xattrNameLayout,
  xattrOutOfLine,
  xattrPrefixes,
  xattrSetLayout,
  xattrTableLayout,
} from './format.ts';
import { parse } from './inode.ts';
import { lookupTable } from './lookup-table.ts';
import type { LookupTable } from './lookup-table.ts';
import type { MetadataCursor, MetadataReader } from './metadata.ts';
import type { Superblock } from './superblock.ts';
import type { Volume } from './volume.ts';

export interface XattrTable {
  readonly sets: LookupTable;
  /** Position of the metadata blocks with names and values, which references count from. */
  readonly pairsStart: bigint;
}

/** Bytes of a value, of a name without prefix, and of all names of an inode: XATTR_SIZE_MAX, _NAME_MAX, _LIST_MAX of Linux. */
const maxValueBytes = 65536;
const maxNameBytes = 255;
const maxListBytes = 65536;
/** Bytes of all values of an inode. Linux has no limit; no file system in use comes near this one. */
const maxTotalBytes = 4 * 1024 * 1024;

/** @throws PortableError InvalidArgs */
export async function openXattrTable(
  source: BlockSource,
  superblock: Superblock,
  metadata: MetadataReader,
): Promise<XattrTable | undefined> {
  const { xattrTable, bytesUsed } = superblock;
  if (xattrTable === undefined) return undefined;
  const { size } = xattrTableLayout;
  if (xattrTable + BigInt(size) > bytesUsed) {
    throw corrupt(source.name, `the xattr table at ${xattrTable} goes beyond the image's ${bytesUsed} bytes`);
  }
  const { pairsStart, count } = xattrTableLayout.parse(await source.read(xattrTable, size));
  const list = xattrTable + BigInt(size);
  const sets = lookupTable(source, metadata, {
    label: 'xattr set',
    list,
    count,
    entryBytes: xattrSetLayout.size,
    end: bytesUsed,
  });
  return { sets, pairsStart };
}

/**
 * The xattrs of an inode, by full name.
 * @param index the inode's index into the table; undefined when it has none
 * @throws PortableError InvalidArgs when they are corrupt, LimitsExceeded when they are absurdly many
 */
export async function readXattrs(
  volume: Volume,
  index: number | undefined,
): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const { xattrs: table, budget } = volume;
  // as in the kernel, an image without the table has no xattrs, whatever its inodes say
  if (index === undefined || table === undefined) return found;
  const { reference, count } = xattrSetLayout.parse(await table.sets.entry(index));
  const cursor = at(volume, table, reference);
  let listBytes = 0;
  let valueBytes = 0;
  for (let i = 0; i < count; i++) {
    const { type, nameSize } = await parse(cursor, xattrNameLayout);
    const name = prefixOf(volume, type) + (await readName(volume, cursor, nameSize));
    const value = await readValue(volume, table, cursor, (type & xattrOutOfLine) !== 0);
    listBytes += name.length + 1;
    valueBytes += value.length;
    if (listBytes > maxListBytes) throw tooMany(budget, `names of more than ${maxListBytes} bytes`);
    if (valueBytes > maxTotalBytes) throw tooMany(budget, `values of more than ${maxTotalBytes} bytes`);
    found.set(name, value);
  }
  return found;
}

function tooMany(budget: Budget, what: string) {
  return budget.exceeded(`the extended attributes of a file have ${what}`);
}

/** A cursor at a reference: metadata block in the upper bits, offset into its content in the lower 16. */
function at(volume: Volume, table: XattrTable, reference: bigint): MetadataCursor {
  return volume.metadata.cursor(table.pairsStart + (reference >> 16n), Number(reference & 0xffffn));
}

function prefixOf(volume: Volume, type: number): string {
  const prefix = xattrPrefixes[type & ~xattrOutOfLine];
  if (prefix === undefined) throw unsupported(volume.source.name, `the unknown xattr name space ${type}`);
  return prefix;
}

async function readName(volume: Volume, cursor: MetadataCursor, size: number): Promise<string> {
  if (size === 0 || size > maxNameBytes)
    throw corrupt(volume.source.name, `an xattr has a name of ${size} bytes`);
  const name = await cursor.read(size);
  if (name.includes(0)) throw corrupt(volume.source.name, 'an xattr has a NUL in its name');
  return name.toString('latin1');
}

/** The value at the cursor, or the one that it refers to. */
async function readValue(
  volume: Volume,
  table: XattrTable,
  cursor: MetadataCursor,
  isReference: boolean,
): Promise<Buffer> {
  if (!isReference) return readSized(volume, cursor);
  const reference = await readSized(volume, cursor);
  if (reference.length !== 8) {
    throw corrupt(volume.source.name, `the reference to an xattr value has ${reference.length} bytes`);
  }
  return readSized(volume, at(volume, table, reference.readBigUInt64LE(0)));
}

async function readSized(volume: Volume, cursor: MetadataCursor): Promise<Buffer> {
  const size = (await cursor.read(4)).readUInt32LE(0);
  if (size > maxValueBytes) throw corrupt(volume.source.name, `an xattr has a value of ${size} bytes`);
  return Buffer.from(await cursor.read(size));
}
