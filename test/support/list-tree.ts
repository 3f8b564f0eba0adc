/** A file tree as lines of text, and the text of its files. */
import { Budget, defaultLimits } from '../../src/disk/budget.ts';
import type { FileTree, NodeStat, TreeNode } from '../../src/disk/tree.ts';
import { inTree, readContent, resolve } from '../../src/disk/walk.ts';

export interface Listed {
  /** "usr/bin/ls 755 1234", "usr/ 755", "bin -> usr/bin". */
  readonly line: string;
  readonly stat: NodeStat;
}

/** Everything below the root, sorted. */
export async function listTree(tree: FileTree): Promise<readonly Listed[]> {
  const listed: Listed[] = [];
  const root = await tree.root();
  await list(root, '', listed);
  await root.close();
  return listed.sort((a, b) => (a.line < b.line ? -1 : 1));
}

async function list(directory: TreeNode, at: string, listed: Listed[]): Promise<void> {
  for await (const { name } of directory.entries()) {
    const node = await directory.lookup(name);
    if (node === undefined) throw new Error(`${at}${name.toString()} is listed and not there`);
    const path = `${at}${name.toString()}`;
    const { stat } = node;
    const mode = stat.mode.toString(8);
    if (stat.kind === 'directory') listed.push({ line: `${path}/ ${mode}`, stat });
    else if (stat.kind === 'symlink') {
      listed.push({ line: `${path} -> ${(await node.readlink()).toString()}`, stat });
    } else listed.push({ line: `${path} ${mode} ${stat.size}`, stat });
    if (stat.kind === 'directory') await list(node, `${path}/`, listed);
    await node.close();
  }
}

/** @throws when there is no such file */
export async function textAt(tree: FileTree, path: string): Promise<string> {
  const budget = new Budget(path, defaultLimits);
  const found = await resolve(tree, path, budget, { follow: true });
  if (found === undefined) throw new Error(`${path} is not there`);
  try {
    return (await readContent(found.node, 1 << 24, budget, () => inTree(tree, path))).toString();
  } finally {
    await found.node.close();
  }
}
