/**
 * Trees of extents, for files with more of them than their inode has room for: "XFS Algorithms & Data Structures",
 * chapter "Data Extents", section "B+tree Extent List".
 */
import { checkHeader, treeHeader } from './block-header.ts';
import { type ExtentList, type Span, allBlocks, checkExtents, recordSize, runIn } from './extent-record.ts';
import { u16, u32, u64 } from './fields.ts';
import type { Fork, Inode } from './inode.ts';
import type { Run } from './run.ts';
import type { Volume } from './volume.ts';

/** struct xfs_bmdr_block: the root in the inode. */
const root = { size: 4, level: u16(0), count: u16(2) } as const;

/** struct xfs_btree_block of the long form: any other node. */
const node = { size: 72, magic: u32(0), level: u16(4), count: u16(6) } as const;
/** "BMA3" */
const nodeMagic = 0x424d_4133;

/** Nodes have their keys (blocks of the file) first, and then, behind room for as many as fit, their pointers. */
const keySize = 8;
const pointerSize = 8;
const key = u64(0);
const pointer = u64(0);

/** XFS_BTREE_MAXLEVELS */
const maxLevels = 9;

/** The keys and pointers of a node that is no leaf. */
interface Keys {
  readonly bytes: Buffer;
  readonly keysAt: number;
  readonly pointersAt: number;
  readonly count: number;
}

/** The run of an inode with a tree that starts with block `logical`. */
export async function treeRun(volume: Volume, inode: Inode, fork: Fork, logical: number): Promise<Run> {
  const what = `the tree of ${fork.name} extents of inode ${inode.number}`;
  let keys = rootKeys(volume, fork, what);
  let span = allBlocks;
  checkKeys(volume, keys, span, what);
  for (let level = root.level(fork.bytes); ; level--) {
    const at = lastStartingBefore(keys, logical);
    if (at === undefined) return { count: keyAt(keys, 0) - logical, physical: undefined };
    span = { from: keyAt(keys, at), to: at + 1 < keys.count ? keyAt(keys, at + 1) : span.to };
    const bytes = await readNode(volume, inode, fork, {
      address: pointerAt(keys, at),
      level: level - 1,
      span,
    });
    if (level === 1) return runIn(volume, leafList(bytes, what), logical, span.to);
    keys = innerKeys(bytes);
  }
}

function rootKeys(volume: Volume, { bytes }: Fork, what: string): Keys {
  if (bytes.length < root.size) throw volume.corrupt(`${what} has a root of ${bytes.length} bytes`);
  const level = root.level(bytes);
  if (level === 0 || level > maxLevels) {
    throw volume.corrupt(`${what} has ${level} levels, expected 1 to ${maxLevels}`);
  }
  const room = Math.floor((bytes.length - root.size) / (keySize + pointerSize));
  const count = root.count(bytes);
  if (count === 0 || count > room) throw volume.corrupt(`${what} has ${count} entries, and room for ${room}`);
  return { bytes, keysAt: root.size, pointersAt: root.size + room * keySize, count };
}

/** One node below the root: checked for its place in the tree as well, which is why that is part of its key. */
function readNode(
  volume: Volume,
  inode: Inode,
  fork: Fork,
  at: { readonly address: bigint; readonly level: number; readonly span: Span },
): Promise<Buffer> {
  const what = `a node of the tree of ${fork.name} extents of inode ${inode.number}`;
  if (at.address > BigInt(Number.MAX_SAFE_INTEGER)) throw volume.corrupt(`${what} is at block ${at.address}`);
  const block = volume.locate(Number(at.address), 1, what);
  return volume.metadata([{ start: block, count: 1 }], {
    key: `extents:${inode.number}:${fork.name}:${at.level}:${at.span.from}-${at.span.to}`,
    check: (bytes) => {
      const where = `${what} (block ${block})`;
      const magic = node.magic(bytes);
      if (magic !== nodeMagic) throw volume.corrupt(`${where} has the magic number 0x${magic.toString(16)}`);
      checkHeader(volume, bytes, treeHeader, { block, owner: inode.number, what });
      checkNode(volume, bytes, at.level, where);
      if (at.level === 0) checkExtents(volume, leafList(bytes, where), at.span);
      else checkKeys(volume, innerKeys(bytes), at.span, where);
    },
  });
}

function checkNode(volume: Volume, bytes: Buffer, level: number, where: string): void {
  if (node.level(bytes) !== level) {
    throw volume.corrupt(`${where} says it is at level ${node.level(bytes)}, but is at level ${level}`);
  }
  const room = roomOf(bytes);
  const count = node.count(bytes);
  if (count > room || (count === 0 && level > 0)) {
    throw volume.corrupt(`${where} has ${count} entries, and room for ${room}`);
  }
}

/** Entries that a node has room for: records, or pairs of a key and a pointer, which are as large. */
function roomOf(bytes: Buffer): number {
  return Math.floor((bytes.length - node.size) / recordSize);
}

function leafList(bytes: Buffer, what: string): ExtentList {
  return { bytes, offset: node.size, count: node.count(bytes), what };
}

function innerKeys(bytes: Buffer): Keys {
  return {
    bytes,
    keysAt: node.size,
    pointersAt: node.size + roomOf(bytes) * keySize,
    count: node.count(bytes),
  };
}

/** Checks that the keys ascend, within what the node above gave this one. */
function checkKeys(volume: Volume, keys: Keys, span: Span, what: string): void {
  let { from } = span;
  for (let at = 0; at < keys.count; at++) {
    const start = keyAt(keys, at);
    if (start < from || start >= span.to) {
      throw volume.corrupt(
        `${what} is out of order: block ${start} where ${from} to ${span.to - 1} are left`,
      );
    }
    from = start + 1;
  }
}

/** The last key at or before a block of the file. */
function lastStartingBefore(keys: Keys, logical: number): number | undefined {
  let low = 0;
  let high = keys.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyAt(keys, middle) <= logical) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : low - 1;
}

/** Beyond 2^53 it is rounded, and refused for being there. */
function keyAt({ bytes, keysAt }: Keys, at: number): number {
  return Number(key(bytes, keysAt + at * keySize));
}

function pointerAt({ bytes, pointersAt }: Keys, at: number): bigint {
  return pointer(bytes, pointersAt + at * pointerSize);
}
