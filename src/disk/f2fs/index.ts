/**
 * f2fs, read only, over any block source. From the public description of the format,
 * https://docs.kernel.org/filesystems/f2fs.html, and the structures of the kernel's linux/f2fs_fs.h; the checksums of
 * superblock, checkpoint, inodes and compressed clusters are verified when the file system has them. What a checkpoint
 * does not have yet is not looked at.
 */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import type { FileTree } from '../tree.ts';
import { readCheckpoint } from './checkpoint.ts';
import { Clusters } from './clusters.ts';
import { readInode } from './inode.ts';
import { f2fsNode } from './node.ts';
import { Nodes } from './nodes.ts';
import { readSuperblock } from './superblock.ts';
import { Volume } from './volume.ts';

/**
 * Opens the file system in `source`. The source stays the caller's to close, after the tree.
 *
 * @throws PortableError NotSupported when it needs something that this reader does not have, by name: an unknown feature,
 *   several devices; InvalidArgs when it is corrupt or cut off, naming the structure; LimitsExceeded. The tree throws the
 *   same as it is read.
 */
export async function openF2fs(source: BlockSource, budget: Budget): Promise<FileTree> {
  const superblock = await readSuperblock(source);
  const volume = new Volume(source, superblock, budget);
  const nodes = new Nodes(volume, await readCheckpoint(volume));
  const clusters = new Clusters(nodes);
  return {
    type: 'f2fs',
    name: source.name,
    root: async () => {
      const inode = await readInode(nodes, superblock.rootInode);
      if (inode.kind !== 'directory') {
        throw volume.corrupt(`its root, inode ${inode.number}, is a ${inode.kind}, not a directory`);
      }
      return f2fsNode(nodes, clusters, inode);
    },
    close: () => Promise.resolve(),
  };
}
