/** The files of an image: their names, and the content of one. */
import path from 'node:path';

import { PortableError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import type { Budget } from '../disk/budget.ts';
import type { FileTree, TreeNode } from '../disk/tree.ts';
import { inTree, listDirectory, readContent, resolve } from '../disk/walk.ts';

/** Bytes printed at once. */
const chunk = 1024 * 1024;

/**
 * The path of every file, relative to the root; directories end in "/", the root is "/". A directory comes before what is
 * in it, and entries are sorted by name.
 * @throws PortableError LimitsExceeded for directories nested too deep; what reading the image throws
 */
export async function* listFiles(tree: FileTree, budget: Budget): AsyncGenerator<Buffer> {
  const root = await tree.root();
  yield Buffer.from('/');
  yield* listBelow(root, Buffer.alloc(0), 1, tree, budget);
}

async function* listBelow(
  directory: TreeNode,
  prefix: Buffer,
  depth: number,
  tree: FileTree,
  budget: Budget,
): AsyncGenerator<Buffer> {
  if (depth > budget.limits.pathDepth) {
    throw budget.exceeded(`${inTree(tree, prefix)} is deeper than ${budget.limits.pathDepth} directories`);
  }
  const entries = [];
  for await (const entry of directory.entries()) entries.push(entry);
  entries.sort((a, b) => Buffer.compare(a.name, b.name));
  for (const { name, kind } of entries) {
    const file = Buffer.concat([prefix, name]);
    if (kind !== 'directory') {
      yield file;
      continue;
    }
    const below = Buffer.concat([file, Buffer.from('/')]);
    yield below;
    const child = await directory.lookup(name);
    if (child === undefined) continue;
    try {
      yield* listBelow(child, below, depth + 1, tree, budget);
    } finally {
      await child.close();
    }
  }
}

/**
 * The content of the regular file at `file`, links followed, piece by piece.
 * @throws PortableError FileNotFound with the nearest name there is, InvalidArgs for anything but a regular file
 */
export async function* fileContent(tree: FileTree, file: string, budget: Budget): AsyncGenerator<Buffer> {
  const found = await resolve(tree, file, budget, { follow: true });
  if (found === undefined) throw await notFound(tree, file, budget);
  const { node } = found;
  try {
    // says what it is when it is no file
    if (node.stat.kind !== 'file') await readContent(node, 0, budget, () => inTree(tree, file));
    for (let offset = 0n; offset < node.stat.size;) {
      const bytes = await node.read(offset, chunk);
      if (bytes.length === 0) return;
      yield bytes;
      offset += BigInt(bytes.length);
    }
  } finally {
    await node.close();
  }
}

async function notFound(tree: FileTree, file: string, budget: Budget): Promise<PortableError> {
  const directory = path.dirname(path.join('/', file));
  const names = (await listDirectory(tree, directory, budget).catch(() => undefined)) ?? [];
  const near = nearest(
    path.basename(file),
    names.map(({ name }) => name.toString()),
  );
  return new PortableError('FileNotFound', `there is no ${inTree(tree, file)}`, {
    file: tree.name,
    hint:
      near === undefined ? '--list prints what there is' : `did you mean '${path.join(directory, near)}'?`,
  });
}
