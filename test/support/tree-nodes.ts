/** Nodes of a tree, for tests. */
import type { FileTree, TreeNode } from '../../src/disk/tree.ts';

/** The node at a path that must be there. */
export async function nodeAt(tree: FileTree, path: string): Promise<TreeNode> {
  let node = await tree.root();
  for (const name of path.split('/').filter((part) => part !== '')) {
    const next = await node.lookup(Buffer.from(name));
    if (next === undefined) throw new Error(`${path}: there is no ${name}`);
    node = next;
  }
  return node;
}

export async function readAll(node: TreeNode): Promise<Buffer> {
  return node.read(0n, Number(node.stat.size));
}
