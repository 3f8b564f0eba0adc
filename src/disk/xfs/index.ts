/**
 * xfs, read only, over any block source. From the public description of the format, "XFS Algorithms & Data Structures"
 * (https://git.kernel.org/pub/scm/fs/xfs/xfs-documentation.git): version 5, whose checksums are all verified. The log is
 * not replayed, as the service manager does not when it dissects an image (mount option norecovery, xfs(5)).
 */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import type { FileTree } from '../tree.ts';
import { readInode } from './inode.ts';
import { xfsNode } from './node.ts';
import { readSuperblock } from './superblock.ts';
import { Volume } from './volume.ts';

/**
 * Opens the file system in `source`. The source stays the caller's to close, after the tree.
 *
 * @throws PortableError NotSupported when it needs something that this reader does not have, by name; InvalidArgs when
 *   it is corrupt or cut off, naming the structure; LimitsExceeded. The tree throws the same as it is read.
 */
export async function openXfs(source: BlockSource, budget: Budget): Promise<FileTree> {
  const superblock = await readSuperblock(source);
  const volume = new Volume(source, superblock, budget);
  return {
    type: 'xfs',
    name: source.name,
    root: async () => {
      const inode = await readInode(volume, superblock.rootInode);
      if (inode.kind !== 'directory') {
        throw volume.corrupt(`its root, inode ${inode.number}, is a ${inode.kind}, not a directory`);
      }
      return xfsNode(volume, inode);
    },
    close: () => Promise.resolve(),
  };
}
