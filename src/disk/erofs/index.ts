/** EROFS, read-only, in user space: https://erofs.docs.kernel.org/ */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import type { FileTree } from '../tree.ts';
import { readCodecs } from './algorithms.ts';
import { openContent } from './content.ts';
import type { Content } from './content.ts';
import { decodedClusters } from './decoded-clusters.ts';
import { corrupt } from './errors.ts';
import { metaboxBit } from './format.ts';
import { readInode } from './inode.ts';
import { imageSpace } from './metadata.ts';
import type { MetadataSpace } from './metadata.ts';
import { openNode } from './node.ts';
import { readSuperblock } from './superblock.ts';
import type { Volume } from './volume.ts';
import { readXattrPrefixes } from './xattr-prefixes.ts';
import type { XattrPrefixes } from './xattr-prefixes.ts';

export { isErofs } from './superblock.ts';

/**
 * Opens an EROFS image. Closing the tree does not close the source.
 *
 * @throws PortableError InvalidArgs when it is not an EROFS, or truncated, or corrupt; NotSupported naming a
 *   feature, block size, algorithm or layout that is not known, or that the image needs other files
 */
export async function openErofs(source: BlockSource, budget: Budget): Promise<FileTree> {
  const volume = await openVolume(source, budget);
  const prefixes = once<XattrPrefixes>(() => readXattrPrefixes(volume));
  return {
    type: 'erofs',
    name: source.name,
    root: () => openNode(volume, volume.superblock.rootNode, prefixes),
    close: () => Promise.resolve(),
  };
}

async function openVolume(source: BlockSource, budget: Budget): Promise<Volume> {
  const superblock = await readSuperblock(source);
  const image = imageSpace(source, superblock.blockSize, budget);
  const decoded = decodedClusters({
    source,
    budget,
    codecs: await readCodecs(image),
    zeroPadding: superblock.zeroPadding,
  });
  const { packedNode, metaboxNode } = superblock;
  // the special inodes describe the others, so they have less to refer to: no way to go round in circles
  const alone: Volume = { source, budget, superblock, image, decoded, metabox: undefined, packed: undefined };
  const metabox = metaboxNode === undefined ? undefined : await openMetabox(alone, metaboxNode);
  const withMetabox: Volume = { ...alone, metabox };
  if (packedNode === undefined) return withMetabox;
  const packed = once<Content>(async () =>
    openContent(withMetabox, await readInode(withMetabox, packedNode), 'data'),
  );
  return { ...withMetabox, packed };
}

async function openMetabox(volume: Volume, node: bigint): Promise<MetadataSpace> {
  const { name } = volume.source;
  if ((node & metaboxBit) !== 0n) throw corrupt(name, 'the metabox would be in itself');
  const content = await openContent(volume, await readInode(volume, node), 'metadata');
  return {
    label: 'metabox',
    name: `${name} (metabox)`,
    size: content.size,
    async read(offset, length) {
      const bytes = await content.read(offset, length);
      if (bytes.length === length) return bytes;
      throw corrupt(
        name,
        `${length} bytes at offset ${offset} are outside the ${content.size} bytes of the metabox`,
      );
    },
  };
}

/** The result of the first call, for all calls. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
