/** Extended attributes: https://erofs.docs.kernel.org/en/latest/ondisk/xattrs.html */
import { corrupt } from './errors.ts';
import { sizeOf } from './format.ts';
import type { Inode } from './inode.ts';
import type { MetadataSpace } from './metadata.ts';
import type { Volume } from './volume.ts';
import type { XattrPrefixes } from './xattr-prefixes.ts';

/** Most bytes of all names and values of an inode: what one inode can refer to is more than anybody needs. */
const maxTotalBytes = 1024 * 1024;

/** All extended attributes of an inode, in the order stored: its own, then those it shares. */
export async function readXattrs(
  volume: Volume,
  inode: Inode,
  prefixes: XattrPrefixes,
): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  if (inode.xattrSize === 0) return found;
  let total = 0;
  const add = ({ name, value, size }: Entry) => {
    total += size;
    if (total > maxTotalBytes)
      throw volume.budget.exceeded(`inode ${inode.node} has more than ${maxTotalBytes} bytes of xattrs`);
    if (name !== undefined && !found.has(name)) found.set(name, value);
  };

  const area = await inode.space.read(inode.xattrStart, inode.xattrSize);
  const sharedCount = area.readUInt8(4);
  let at = sizeOf.xattrHeader + sharedCount * 4;
  if (at > area.length)
    throw corrupt(inode.space.name, `inode ${inode.node} shares more xattrs than there is room for`);
  const shared = Array.from({ length: sharedCount }, (_, i) => area.readUInt32LE(sizeOf.xattrHeader + i * 4));
  while (at + sizeOf.xattrEntry <= area.length) {
    const entry = parseEntry(inode.space, area.subarray(at), prefixes);
    // zeros fill what is left of the area
    if (entry === undefined) break;
    add(entry);
    at += entry.size;
  }
  for (const id of shared) add(await readShared(volume, id, prefixes));
  return found;
}

interface Entry {
  /** Undefined when nobody can see it. */
  readonly name: string | undefined;
  readonly value: Buffer;
  /** Bytes in the image, with padding to a multiple of 4. */
  readonly size: number;
}

/** @returns undefined when there is no entry, only zeros */
function parseEntry(space: MetadataSpace, bytes: Buffer, prefixes: XattrPrefixes): Entry | undefined {
  const { nameLength, prefix, valueLength } = parseHeader(bytes);
  if (nameLength === 0 && prefix === 0 && valueLength === 0) return undefined;
  const valueStart = sizeOf.xattrEntry + nameLength;
  const end = valueStart + valueLength;
  if (end > bytes.length) throw corrupt(space.name, 'an xattr is longer than the area it is in');
  const suffix = bytes.toString('latin1', sizeOf.xattrEntry, valueStart);
  if (suffix.includes('\0')) throw corrupt(space.name, 'the name of an xattr has a NUL in it');
  const start = prefixes(prefix);
  return {
    name: start === undefined ? undefined : start + suffix,
    value: Buffer.from(bytes.subarray(valueStart, end)),
    size: (end + 3) & ~3,
  };
}

function parseHeader(bytes: Buffer): { nameLength: number; prefix: number; valueLength: number } {
  return { nameLength: bytes.readUInt8(0), prefix: bytes.readUInt8(1), valueLength: bytes.readUInt16LE(2) };
}

async function readShared(volume: Volume, id: number, prefixes: XattrPrefixes): Promise<Entry> {
  const { superblock, image, metabox } = volume;
  const space = superblock.sharedXattrsInMetabox && metabox !== undefined ? metabox : image;
  const position = superblock.sharedXattrStart + BigInt(id) * 4n;
  const { nameLength, valueLength } = parseHeader(await space.read(position, sizeOf.xattrEntry));
  const bytes = await space.read(position, sizeOf.xattrEntry + nameLength + valueLength);
  const entry = parseEntry(space, bytes, prefixes);
  if (entry === undefined) throw corrupt(space.name, `there is no shared xattr at offset ${position}`);
  return entry;
}
