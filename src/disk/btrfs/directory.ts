/** Directories: each entry is stored twice, by the hash of its name to be found, and by a number to be listed. */
import { quoted } from '../../base/errors.ts';
import type { Budget } from '../budget.ts';
import { entryKinds } from '../node-kind.ts';
import type { NodeKind } from '../tree.ts';
import { itemsBetween } from './btree.ts';
import { type DirectoryItem, findDirectoryItem, readDirectoryItems } from './directory-item.ts';
import { corrupt } from './errors.ts';
import { keyType } from './format.ts';
import type { Inode } from './inode.ts';
import { keyText, lastKey } from './key.ts';

/** An entry, and what it leads to: an inode of the same subvolume, or another subvolume. */
export interface Entry {
  readonly name: Buffer;
  readonly kind: NodeKind;
  readonly target: { readonly inode: bigint } | { readonly subvolume: bigint };
}

/** The entries in the order stored. @throws PortableError InvalidArgs for one that is none; LimitsExceeded */
export async function* listEntries(directory: Inode, budget: Budget): AsyncGenerator<Entry, void> {
  const { tree, number } = directory;
  const first = { objectId: number, type: keyType.directoryIndex, offset: 0n };
  for await (const { key, data } of itemsBetween(tree, first, lastKey(number, keyType.directoryIndex))) {
    budget.charge('directoryEntries');
    const [item, ...more] = readDirectoryItems(tree, key, data);
    if (item === undefined || more.length > 0) {
      throw corrupt(tree.image, `the item ${keyText(key)} of subvolume ${tree.id} has not just one entry`);
    }
    yield entryOf(directory, item);
  }
}

/** The entry of a name, by its hash. */
export async function findEntry(directory: Inode, name: Buffer): Promise<Entry | undefined> {
  if (!isValidName(name)) return undefined;
  const { tree, number } = directory;
  const item = await findDirectoryItem(tree, number, name);
  return item === undefined ? undefined : entryOf(directory, item);
}

function entryOf({ tree, number }: Inode, { name, type, location }: DirectoryItem): Entry {
  const bad = (what: string) =>
    corrupt(
      tree.image,
      `the entry ${quoted(name.toString())} in directory ${number} of subvolume ${tree.id} ${what}`,
    );
  if (!isValidName(name)) throw bad('has a name that no file can have');
  const kind = entryKinds[type];
  if (kind === undefined) throw bad(`is of the unknown type ${type}`);
  if (location.type === keyType.inodeItem) return { name, kind, target: { inode: location.objectId } };
  if (location.type === keyType.rootItem && kind === 'directory') {
    return { name, kind, target: { subvolume: location.objectId } };
  }
  throw bad(`leads to ${keyText(location)}`);
}

function isValidName(name: Buffer): boolean {
  if (name.length === 0 || name.includes(0) || name.includes(0x2f)) return false;
  return name.length > 2 || !name.every((byte) => byte === 0x2e);
}
