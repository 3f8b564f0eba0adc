/**
 * What entries of directories, and extended attributes, are stored as: under the hash of the name, all of those with the
 * same hash in one item. "On-disk Format", DIR_ITEM, DIR_INDEX, XATTR_ITEM.
 */
import { crc32c } from '../crc.ts';
import { type Tree, findItem } from './btree.ts';
import { corrupt } from './errors.ts';
import { keyType, maxNameBytes, sizeOf } from './format.ts';
import { type Key, keyText, readKey } from './key.ts';

export interface DirectoryItem {
  /** What the entry leads to. */
  readonly location: Key;
  /** Of the inode; 8 for an attribute. */
  readonly type: number;
  readonly name: Buffer;
  /** The value of an attribute. */
  readonly value: Buffer;
}

/** The entry of a directory with this name. */
export async function findDirectoryItem(
  tree: Tree,
  directory: bigint,
  name: Buffer,
): Promise<DirectoryItem | undefined> {
  const key = { objectId: directory, type: keyType.directoryItem, offset: nameHash(name) };
  const data = await findItem(tree, key);
  if (data === undefined) return undefined;
  return readDirectoryItems(tree, key, data).find((item) => item.name.equals(name));
}

/** @throws PortableError InvalidArgs when they do not fill the item, or a name is none */
export function readDirectoryItems(tree: Tree, key: Key, data: Buffer): DirectoryItem[] {
  const bad = (what: string) => corrupt(tree.image, `the item ${keyText(key)} of tree ${tree.id} ${what}`);
  const items: DirectoryItem[] = [];
  for (let at = 0; at < data.length;) {
    const start = at + sizeOf.directoryItem;
    if (start > data.length) throw bad('is cut off');
    const valueBytes = data.readUInt16LE(at + 25);
    const nameBytes = data.readUInt16LE(at + 27);
    const nameEnd = start + nameBytes;
    const end = nameEnd + valueBytes;
    if (end > data.length) throw bad('is cut off');
    if (nameBytes === 0 || nameBytes > maxNameBytes) throw bad(`has a name of ${nameBytes} bytes`);
    items.push({
      location: readKey(data, at),
      type: data.readUInt8(at + 29),
      name: Buffer.from(data.subarray(start, nameEnd)),
      value: Buffer.from(data.subarray(nameEnd, end)),
    });
    at = end;
  }
  return items;
}

/** Where the entries and attributes of a name are among those of their inode. */
function nameHash(name: Buffer): bigint {
  return BigInt(crc32c(0xffff_fffe, name));
}
