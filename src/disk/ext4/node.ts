/** Inodes of an ext file system as nodes of the tree. */
import { InodeNode } from '../inode-node.ts';
import type { TreeNode } from '../tree.ts';
import { readContent } from './content.ts';
import { findName, listNames } from './directory.ts';
import { type Inode, hasFlag, inodeStat, readInode, rootInode } from './inode.ts';
import { readTarget } from './symlink.ts';
import type { Volume } from './volume.ts';
import { readXattrs } from './xattrs.ts';

/** What an inode holds is read when the node is asked for it. */
export function extNode(volume: Volume, inode: Inode): TreeNode {
  const reader = {
    image: volume.name,
    stat: inodeStat,
    find: (directory: Inode, name: Buffer) => findName(volume, directory, name),
    list: (directory: Inode) => listNames(volume, directory),
    follow: (directory: Inode, number: number) => follow(volume, directory, number),
    target: (symlink: Inode) => readTarget(volume, symlink),
    content: (file: Inode, offset: bigint, length: number) => readContent(volume, file, offset, length),
    xattrs: (of: Inode) => readXattrs(volume, of),
  };
  return new InodeNode(reader, inode);
}

/** Not an inode that is deleted, or none of the users' business. */
async function follow(volume: Volume, directory: Inode, number: number): Promise<Inode> {
  const where = `directory inode ${directory.number} has an entry for inode ${number}`;
  if (number < volume.superblock.firstInode && number !== rootInode) {
    throw volume.corrupt(`${where}, which is reserved`);
  }
  const inode = await readInode(volume, number);
  if (hasFlag(inode, 'xattrValue')) throw volume.corrupt(`${where}, which holds an attribute value`);
  if (inode.links === 0) throw volume.corrupt(`${where}, which is deleted`);
  return inode;
}
