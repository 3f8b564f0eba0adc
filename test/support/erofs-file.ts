/** EROFS images of one file "f", made by hand, and what can be read of them. */
import assert from 'node:assert/strict';
import type { Limits } from '../../src/disk/budget.ts';
import type { TreeNode } from '../../src/disk/tree.ts';
import { ErofsBuilder } from './erofs-builder.ts';
import { openBytes } from './erofs-image.ts';

/** The root of an image whose only file is "f". */
export async function rootOf(builder: ErofsBuilder, limits?: Limits): Promise<TreeNode> {
  return (await openBytes(builder.bytes, limits)).root();
}

/** Node number of the file in images with one file. */
export const fileNode = 16;

export function withFile(fields: Parameters<ErofsBuilder['inode']>[1], options = {}): ErofsBuilder {
  return new ErofsBuilder(options)
    .directory(0, [
      { node: 0, name: '.', type: 2 },
      { node: 0, name: '..', type: 2 },
      { node: fileNode, name: 'f' },
    ])
    .inode(fileNode, fields);
}

export async function fileOf(builder: ErofsBuilder, limits?: Limits): Promise<TreeNode> {
  const node = await (await rootOf(builder, limits)).lookup(Buffer.from('f'));
  assert.ok(node !== undefined);
  return node;
}

export async function readAll(builder: ErofsBuilder, limits?: Limits): Promise<Buffer> {
  const node = await fileOf(builder, limits);
  return node.read(0n, 1 << 20);
}

export async function list(node: TreeNode): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of node.entries()) names.push(name.toString());
  return names;
}
