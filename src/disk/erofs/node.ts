/** An EROFS inode as a TreeNode. */
import { wrongKind } from '../inode-node.ts';
import type { NodeKind, TreeNode } from '../tree.ts';
import { openContent } from './content.ts';
import type { Content } from './content.ts';
import { findEntry, listEntries } from './directory.ts';
import type { Directory } from './directory.ts';
import { corrupt } from './errors.ts';
import { readInode } from './inode.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';
import type { XattrPrefixes } from './xattr-prefixes.ts';
import { readXattrs } from './xattrs.ts';

/** PATH_MAX: no link target can be longer. */
const maxTargetBytes = 4096n;

/** @param prefixes the image's xattr name prefixes, read when first needed */
export async function openNode(
  volume: Volume,
  node: bigint,
  prefixes: () => Promise<XattrPrefixes>,
): Promise<TreeNode> {
  const inode = await readInode(volume, node);
  const { stat } = inode;
  // opened at most once, when first needed
  let opening: Promise<Content> | undefined;
  const content = () => (opening ??= openContent(volume, inode, stat.kind === 'file' ? 'data' : 'metadata'));
  const directory = async (): Promise<Directory> => ({
    content: await content(),
    blockSize: volume.superblock.blockSize,
    budget: volume.budget,
    image: volume.source.name,
    node,
  });

  return {
    stat,
    async lookup(name) {
      expectKind(volume, inode, 'directory');
      const entry = await findEntry(await directory(), name);
      return entry === undefined ? undefined : await openNode(volume, entry.node, prefixes);
    },
    async *entries() {
      expectKind(volume, inode, 'directory');
      for await (const { name, node: child, kind } of listEntries(await directory())) {
        yield { name, kind: kind ?? (await readInode(volume, child)).stat.kind };
      }
    },
    async readlink() {
      expectKind(volume, inode, 'symlink');
      if (inode.size > maxTargetBytes) {
        throw corrupt(volume.source.name, `the target of symlink ${node} has ${inode.size} bytes`);
      }
      return Buffer.from(await (await content()).read(0n, Number(inode.size)));
    },
    async read(offset, length) {
      expectKind(volume, inode, 'file');
      return Buffer.from(await (await content()).read(offset, length));
    },
    xattrs: async () => readXattrs(volume, inode, await prefixes()),
    close: () => Promise.resolve(),
  };
}

function expectKind(volume: Volume, { stat }: Inode, kind: NodeKind): void {
  if (stat.kind !== kind) throw wrongKind(volume.source.name, stat, kind);
}
