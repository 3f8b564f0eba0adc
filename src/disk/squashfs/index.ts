/** squashfs 4.0, read-only, in user space: kernel Documentation/filesystems/squashfs.rst */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import type { FileTree } from '../tree.ts';
import { DataBlocks } from './data-blocks.ts';
import { fragmentLayout } from './format.ts';
import { lookupTable } from './lookup-table.ts';
import { MetadataReader } from './metadata.ts';
import { openNode } from './node.ts';
import { readSuperblock } from './superblock.ts';
import type { Volume } from './volume.ts';
import { openXattrTable } from './xattrs.ts';

export { isSquashfs } from './superblock.ts';

/** Bytes of an owner's id. */
const idBytes = 4;

/**
 * Opens a squashfs image. Closing the tree does not close the source.
 *
 * @throws PortableError InvalidArgs when it is not a squashfs, or truncated, or corrupt; NotSupported naming a
 *   version, byte order or compressor that is not known; LimitsExceeded when its blocks are larger than allowed
 */
export async function openSquashfs(source: BlockSource, budget: Budget): Promise<FileTree> {
  const volume = await openVolume(source, budget);
  return {
    type: 'squashfs',
    name: source.name,
    root: () => openNode(volume, volume.superblock.rootInode, 'directory'),
    close: () => Promise.resolve(),
  };
}

async function openVolume(source: BlockSource, budget: Budget): Promise<Volume> {
  const superblock = await readSuperblock(source);
  const { blockSize, bytesUsed: end, codec, fragmentTable } = superblock;
  if (blockSize > budget.limits.blockBytes) {
    throw budget.exceeded(`its blocks of ${blockSize} bytes are larger than ${budget.limits.blockBytes}`);
  }
  const metadata = new MetadataReader(source, codec, end, budget);
  return {
    source,
    budget,
    superblock,
    metadata,
    data: new DataBlocks(source, superblock, budget),
    ids: lookupTable(source, metadata, {
      label: 'id',
      list: superblock.idTable,
      count: superblock.idCount,
      entryBytes: idBytes,
      end,
    }),
    fragments:
      fragmentTable === undefined
        ? undefined
        : lookupTable(source, metadata, {
            label: 'fragment',
            list: fragmentTable,
            count: superblock.fragmentCount,
            entryBytes: fragmentLayout.size,
            end,
          }),
    xattrs: await openXattrTable(source, superblock, metadata),
  };
}
