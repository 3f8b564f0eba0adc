/**
 * Finding trees and subvolumes in the root tree: "On-disk Format", ROOT_ITEM, ROOT_REF;
 * https://btrfs.readthedocs.io/en/latest/Subvolumes.html
 */
import { findFloor, findItem } from './btree.ts';
import { findDirectoryItem } from './directory-item.ts';
import { corrupt } from './errors.ts';
import { keyType, maxLevel, objectId, sizeOf } from './format.ts';
import { lastKey } from './key.ts';
import type { Root, Volume } from './volume.ts';

/** The tree with a number; undefined when there is none, or what is left of a deleted one. */
export function findRoot(volume: Volume, id: bigint): Promise<Root | undefined> {
  return volume.roots.get(id, () => readRoot(volume, id));
}

async function readRoot({ rootTree }: Volume, id: bigint): Promise<Root | undefined> {
  // of a snapshot, the offset is the generation that it was made in
  const item = await findFloor(rootTree, lastKey(id, keyType.rootItem));
  if (item?.key.objectId !== id || item.key.type !== keyType.rootItem) return undefined;
  const { data } = item;
  const { image, read } = rootTree;
  if (data.length < sizeOf.rootItem) throw corrupt(image, `the root of tree ${id} has ${data.length} bytes`);
  const references = data.readUInt32LE(216);
  if (references === 0) return undefined;
  const level = data.readUInt8(238);
  if (level > maxLevel) throw corrupt(image, `tree ${id} has level ${level}`);
  const root = { address: data.readBigUInt64LE(176), generation: data.readBigUInt64LE(160), level };
  return { tree: { id, root, read, image }, directory: data.readBigUInt64LE(168) };
}

/** The subvolume that is shown when none is asked for. @throws PortableError InvalidArgs when it is not there */
export async function defaultSubvolume(volume: Volume): Promise<Root> {
  const { rootTree, superblock } = volume;
  const entry = await findDirectoryItem(rootTree, superblock.rootDirectory, Buffer.from('default'));
  const id = entry?.location.objectId ?? objectId.fileTree;
  const root = await findRoot(volume, id);
  if (root === undefined) throw corrupt(rootTree.image, `its default subvolume, ${id}, is not there`);
  return root;
}

/**
 * The subvolume that an entry leads to. A snapshot takes over the entries of subvolumes inside, but not the subvolumes:
 * those entries lead nowhere.
 * @param parent the subvolume of the entry
 * @param directory the inode number of the entry's directory
 */
export async function nestedSubvolume(
  volume: Volume,
  parent: bigint,
  directory: bigint,
  entry: { readonly name: Buffer; readonly subvolume: bigint },
): Promise<Root | undefined> {
  const { rootTree } = volume;
  const reference = await findItem(rootTree, {
    objectId: parent,
    type: keyType.rootRef,
    offset: entry.subvolume,
  });
  if (reference === undefined) return undefined;
  if (reference.length < sizeOf.rootRef) {
    throw corrupt(
      rootTree.image,
      `the reference to subvolume ${entry.subvolume} has ${reference.length} bytes`,
    );
  }
  const isThisOne =
    reference.readBigUInt64LE(0) === directory && reference.subarray(sizeOf.rootRef).equals(entry.name);
  return isThisOne ? await findRoot(volume, entry.subvolume) : undefined;
}
