/** A squashfs inode as a TreeNode. */
import { wrongKind } from '../inode-node.ts';
import type { NodeKind, TreeNode } from '../tree.ts';
import { FileContent } from './content.ts';
import { findEntry, listEntries } from './directory.ts';
import { corrupt } from './errors.ts';
import { readInode } from './inode.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';
import { readXattrs } from './xattrs.ts';

/**
 * @param reference of the inode
 * @param expected the kind that the directory entry gives
 */
export async function openNode(volume: Volume, reference: bigint, expected: NodeKind): Promise<TreeNode> {
  const inode = await readInode(volume, reference);
  const { stat } = inode;
  if (stat.kind !== expected) {
    throw corrupt(
      volume.source.name,
      `inode ${stat.inode} is a ${stat.kind}, and its entry says ${expected}`,
    );
  }
  const content = inode.content === undefined ? undefined : new FileContent(volume, inode.content, stat.size);
  return {
    stat,
    async lookup(name) {
      const entry = await findEntry(volume, need(volume, inode, inode.listing, 'directory'), name);
      return entry === undefined ? undefined : await openNode(volume, entry.inode, entry.kind);
    },
    async *entries() {
      for await (const run of listEntries(volume, need(volume, inode, inode.listing, 'directory'))) {
        for (const { name, kind } of run) yield { name: Buffer.from(name), kind };
      }
    },
    async readlink() {
      const { position, offset } = need(volume, inode, inode.target, 'symlink');
      return Buffer.from(await volume.metadata.cursor(position, offset).read(Number(stat.size)));
    },
    read: async (offset, length) => need(volume, inode, content, 'file').read(offset, length),
    xattrs: () => readXattrs(volume, inode.xattrs),
    close: () => Promise.resolve(),
  };
}

/** What only inodes of one kind have. */
function need<T>(volume: Volume, inode: Inode, part: T | undefined, kind: NodeKind): T {
  if (part !== undefined) return part;
  throw wrongKind(volume.source.name, inode.stat, kind);
}
