/** Inodes of an f2fs as nodes of the tree. */
import { InodeNode, type NamedInode } from '../inode-node.ts';
import type { TreeNode } from '../tree.ts';
import type { Clusters } from './clusters.ts';
import { readContent } from './content.ts';
import { findName, listNames } from './directory.ts';
import { type Inode, inodeStat, readInode } from './inode.ts';
import type { Nodes } from './nodes.ts';
import { readXattrs } from './xattrs.ts';

/** Bytes of a symlink's target: PATH_MAX of linux/limits.h, its zero byte left out. */
const maxTarget = 4095;

/** What an inode holds is read when the node is asked for it. */
export function f2fsNode(nodes: Nodes, clusters: Clusters, inode: Inode): TreeNode {
  const content = (of: Inode, offset: bigint, length: number) =>
    readContent(nodes, clusters, of, offset, length);
  const reader = {
    image: nodes.volume.name,
    stat: inodeStat,
    find: (directory: Inode, name: Buffer) => findName(nodes, directory, name),
    list: (directory: Inode) => list(nodes, directory),
    follow: (directory: Inode, number: number) => follow(nodes, directory, number),
    target: (symlink: Inode) => readTarget(nodes, symlink, content),
    content,
    xattrs: (of: Inode) => readXattrs(nodes, of),
  };
  return new InodeNode(reader, inode);
}

/** The names are parts of blocks. */
async function* list(nodes: Nodes, directory: Inode): AsyncGenerator<NamedInode<number>> {
  for await (const entry of listNames(nodes, directory)) yield { ...entry, name: Buffer.from(entry.name) };
}

/** Not an inode that is deleted. */
async function follow(nodes: Nodes, directory: Inode, number: number): Promise<Inode> {
  const inode = await readInode(nodes, number);
  if (inode.links > 0) return inode;
  throw nodes.volume.corrupt(
    `directory inode ${directory.number} has an entry for inode ${number}, which is deleted`,
  );
}

async function readTarget(
  { volume }: Nodes,
  symlink: Inode,
  content: (of: Inode, offset: bigint, length: number) => Promise<Buffer>,
): Promise<Buffer> {
  const { size, number } = symlink;
  if (size === 0n || size > BigInt(maxTarget)) {
    throw volume.corrupt(
      `the symlink with inode ${number} has a target of ${size} bytes, expected 1 to ${maxTarget}`,
    );
  }
  const target = await content(symlink, 0n, maxTarget);
  if (target.includes(0)) {
    throw volume.corrupt(`the target of the symlink with inode ${number} has a zero byte in it`);
  }
  return target;
}
