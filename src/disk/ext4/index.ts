/**
 * ext2, ext3 and ext4, read only, over any block source. From the public description of the format,
 * https://docs.kernel.org/filesystems/ext4/; all metadata checksums are verified when the file system has them.
 */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import type { FileTree } from '../tree.ts';
import { readInode, rootInode } from './inode.ts';
import { extNode } from './node.ts';
import { hasExtMagic, readSuperblock } from './superblock.ts';
import { Volume } from './volume.ts';

/** Whether `source` holds an ext2/3/4 file system, or the journal of one, going by the magic number. */
export function isExt(source: BlockSource): Promise<boolean> {
  return hasExtMagic(source);
}

/**
 * Opens the file system in `source`. The source stays the caller's to close, after the tree.
 *
 * @throws PortableError NotSupported when it needs something that this reader does not have, by name: an unknown or
 *   encrypted part, a journal that has to be replayed first; InvalidArgs when it is corrupt or cut off, naming the
 *   structure; LimitsExceeded. The tree throws the same as it is read.
 */
export async function openExt(source: BlockSource, budget: Budget): Promise<FileTree> {
  const superblock = await readSuperblock(source);
  const volume = new Volume(source, superblock, budget);
  return {
    type: superblock.type,
    name: source.name,
    root: async () => {
      const inode = await readInode(volume, rootInode);
      if (inode.kind !== 'directory') {
        throw volume.corrupt(`its root, inode ${rootInode}, is a ${inode.kind}, not a directory`);
      }
      return extNode(volume, inode);
    },
    close: () => Promise.resolve(),
  };
}
