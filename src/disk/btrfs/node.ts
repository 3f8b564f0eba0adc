/** A btrfs inode as a TreeNode. */
import { quoted } from '../../base/errors.ts';
import { wrongKind } from '../inode-node.ts';
import type { NodeKind, NodeStat, TreeNode } from '../tree.ts';
import { readContent } from './content.ts';
import { type Entry, findEntry, listEntries } from './directory.ts';
import { corrupt } from './errors.ts';
import { objectId } from './format.ts';
import { type Inode, readInode } from './inode.ts';
import { nestedSubvolume } from './roots.ts';
import type { Root, Volume } from './volume.ts';
import { readXattrs } from './xattrs.ts';

/** PATH_MAX of linux/limits.h, its zero byte left out: no link target can be longer. */
const maxTarget = 4095n;

/** The top directory of a subvolume. */
export async function openSubvolume(volume: Volume, root: Root): Promise<TreeNode> {
  const inode = await readInode(root.tree, root.directory);
  if (inode.stat.kind === 'directory') return inodeNode(volume, inode);
  throw corrupt(root.tree.image, `the top of subvolume ${root.tree.id} is a ${inode.stat.kind}`);
}

function inodeNode(volume: Volume, inode: Inode): TreeNode {
  const { name } = volume.source;
  const { stat } = inode;
  const expect = (kind: NodeKind): void => {
    if (stat.kind !== kind) throw wrongKind(name, stat, kind);
  };
  return {
    stat,
    async lookup(wanted) {
      expect('directory');
      const entry = await findEntry(inode, wanted);
      return entry === undefined ? undefined : await openEntry(volume, inode, entry);
    },
    async *entries() {
      expect('directory');
      for await (const { name: found, kind } of listEntries(inode, volume.budget))
        yield { name: found, kind };
    },
    async readlink() {
      expect('symlink');
      if (inode.size > maxTarget) {
        throw corrupt(name, `the target of symlink ${inode.number} has ${inode.size} bytes`);
      }
      return readContent(volume, inode, 0n, Number(inode.size));
    },
    async read(offset, length) {
      expect('file');
      return readContent(volume, inode, offset, length);
    },
    xattrs: () => readXattrs(inode, volume.budget),
    close: () => Promise.resolve(),
  };
}

async function openEntry(volume: Volume, directory: Inode, entry: Entry): Promise<TreeNode> {
  const { tree, number } = directory;
  const { name, kind, target } = entry;
  if ('subvolume' in target) {
    const root = await nestedSubvolume(volume, tree.id, number, { name, subvolume: target.subvolume });
    return root === undefined ? emptyDirectory(volume, directory) : openSubvolume(volume, root);
  }
  const inode = await readInode(tree, target.inode);
  if (inode.stat.kind === kind) return inodeNode(volume, inode);
  throw corrupt(
    tree.image,
    `the entry ${quoted(name.toString())} in directory ${number} of subvolume ${tree.id} is said to be a ${kind}, and is a ${inode.stat.kind}`,
  );
}

/** What the kernel shows where an entry leads to a subvolume that is not there; its time is that of its directory. */
function emptyDirectory(volume: Volume, { stat: { uid, gid, mtime } }: Inode): TreeNode {
  const stat: NodeStat = {
    kind: 'directory',
    mode: 0o755,
    uid,
    gid,
    size: 0n,
    inode: objectId.emptySubvolume,
    links: 1,
    mtime,
  };
  const isNone = (kind: NodeKind) => Promise.reject(wrongKind(volume.source.name, stat, kind));
  return {
    stat,
    lookup: () => Promise.resolve(undefined),
    async *entries() {
      // there are none
    },
    readlink: () => isNone('symlink'),
    read: () => isNone('file'),
    xattrs: () => Promise.resolve(new Map()),
    close: () => Promise.resolve(),
  };
}
