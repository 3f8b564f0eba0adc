/** Opening the fixtures from memory, and finding structures in them. */
import assert from 'node:assert/strict';
import { Budget, type Limits, defaultLimits } from '../../../../src/disk/budget.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import type { FileTree, TreeNode } from '../../../../src/disk/tree.ts';
import { openXfs } from '../../../../src/disk/xfs/index.ts';
import { nodeAt } from '../../../support/tree-nodes.ts';
import { repairAll } from '../../../support/xfs-packed.ts';

export function open(bytes: Buffer, limits: Partial<Limits> = {}): Promise<FileTree> {
  return openXfs(
    memorySource(bytes, 'sample.raw'),
    new Budget('sample.raw', { ...defaultLimits, ...limits }),
  );
}

/** Reads all there is of one node. */
export async function exhaust(node: TreeNode): Promise<void> {
  await node.xattrs();
  if (node.stat.kind === 'file') await node.read(0n, 1 << 20);
  if (node.stat.kind === 'symlink') await node.readlink();
  if (node.stat.kind !== 'directory') return;
  for await (const entry of node.entries()) await node.lookup(entry.name);
}

/** Where the inode of a path is, bytes. */
export async function inodeOf(bytes: Buffer, path: string): Promise<number> {
  const { inode } = (await nodeAt(await open(bytes), path)).stat;
  const bits = { block: bytes.readUInt8(124), inode: bytes.readUInt8(123) };
  const group = Number(inode >> BigInt(bits.block + bits.inode));
  const inGroup = Number(BigInt.asUintN(bits.block + bits.inode, inode));
  const start = group * bytes.readUInt32BE(84) * bytes.readUInt32BE(4);
  return start + inGroup * bytes.readUInt16BE(104);
}

/** Where the magic number and the owner of a kind of block are. */
const kinds = {
  /** Of entries, when they are all of the directory, and when they are not. */
  XDB3: { magic: ['XDB3', 0], owner: 40 },
  XDD3: { magic: ['XDD3', 0], owner: 40 },
  BMA3: { magic: ['BMA3', 0], owner: 56 },
  XSLM: { magic: ['XSLM', 0], owner: 32 },
  XARM: { magic: ['XARM', 0], owner: 32 },
  node: { magic: ['\x3e\xbe', 8], owner: 48 },
  onlyLeaf: { magic: ['\x3d\xf1', 8], owner: 48 },
  leaf: { magic: ['\x3d\xff', 8], owner: 48 },
  attributeLeaf: { magic: ['\x3b\xee', 8], owner: 48 },
} as const;

export type BlockKind = keyof typeof kinds;

/** Where the first block of a kind is that belongs to a path, bytes. */
export async function blockOf(bytes: Buffer, path: string, kind: BlockKind): Promise<number> {
  const { inode } = (await nodeAt(await open(bytes), path)).stat;
  const { magic, owner } = kinds[kind];
  const [text, offset] = magic;
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(4)) {
    const isIt = bytes.toString('latin1', at + offset, at + offset + text.length) === text;
    if (isIt && bytes.readBigUInt64BE(at + owner) === inode) return at;
  }
  return assert.fail(`${path} has no block of kind ${kind}`);
}

/** A copy with one change, and the checksums of the block, directory block or inodes around it right again. */
export function changed(bytes: Buffer, at: number, change: (structure: Buffer) => void, size = 4096): Buffer {
  const copy = Buffer.from(bytes);
  const structure = copy.subarray(at, at + size);
  change(structure);
  repairAll(structure);
  return copy;
}
