/**
 * Extent trees: how ext4 says where the blocks of a file are.
 * Layout: https://docs.kernel.org/filesystems/ext4/ifork.html ("Extent Tree")
 */
import type { Run } from './run.ts';
import { crc32c } from '../crc.ts';
import { joined, u16, u32 } from './fields.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';

const header = {
  size: 12,
  magic: u16(0x0),
  entries: u16(0x2),
  max: u16(0x4),
  depth: u16(0x6),
} as const;
const headerMagic = 0xf30a;

/** Entries of both kinds have the same size, and start with the first file block that they cover. */
const entrySize = 12;
const firstBlock = u32(0x0);
const indexEntry = { childLow: u32(0x4), childHigh: u16(0x8) } as const;
const leafEntry = { length: u16(0x4), startHigh: u16(0x6), startLow: u32(0x8) } as const;

/** Lengths above this mean an extent that is reserved but not written: length minus this. */
const maxWrittenLength = 32768;

const maxDepth = 5;

/** File block numbers have 32 bits. */
const endOfFileBlocks = 0x1_0000_0000;

/** The file blocks [from, to) that a node of the tree answers for. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** The run of an inode with extents that starts at file block `logical`. */
export async function extentRun(volume: Volume, inode: Inode, logical: number): Promise<Run> {
  if (logical >= endOfFileBlocks) return { count: Number.MAX_SAFE_INTEGER - logical, physical: undefined };
  const what = `the extent tree of inode ${inode.number}`;
  let node = inode.blockArea;
  let depth = header.depth(node);
  if (depth > maxDepth)
    throw volume.corrupt(`${what} is ${depth} levels deep, at most ${maxDepth} are allowed`);
  let span: Span = { from: 0, to: endOfFileBlocks };
  checkNode(volume, node, depth, what);
  checkSpan(volume, node, depth, span, what);
  for (; depth > 0; depth--) {
    const at = lastStartingBefore(node, logical);
    if (at === undefined) return holeUntil(logical, startOf(node, 0));
    const child = joined(
      indexEntry.childLow(node, positionOf(at)),
      indexEntry.childHigh(node, positionOf(at)),
    );
    const end = at + 1 < header.entries(node) ? startOf(node, at + 1) : span.to;
    span = { from: startOf(node, at), to: end };
    node = await readNode(volume, inode, child, depth - 1);
    checkSpan(volume, node, depth - 1, span, what);
  }
  return leafRun(node, logical, span);
}

/** The run that a leaf, which answers for `span`, has for file block `logical`. */
function leafRun(node: Buffer, logical: number, span: Span): Run {
  const at = lastStartingBefore(node, logical);
  if (at === undefined) return holeUntil(logical, header.entries(node) > 0 ? startOf(node, 0) : span.to);
  const extent = leafExtent(node, at);
  const into = logical - extent.from;
  if (into < extent.length) {
    return {
      count: extent.length - into,
      physical: extent.isWritten ? extent.physical + into : undefined,
    };
  }
  return holeUntil(logical, at + 1 < header.entries(node) ? startOf(node, at + 1) : span.to);
}

function holeUntil(logical: number, end: number): Run {
  return { count: end - logical, physical: undefined };
}

function readNode(volume: Volume, inode: Inode, number: number, depth: number): Promise<Buffer> {
  const what = `extent block ${number} of inode ${inode.number}`;
  return volume.block(number, {
    key: `extents:${inode.number}:${depth}`,
    what: `an extent block of inode ${inode.number}`,
    check: (bytes) => {
      checkNode(volume, bytes, depth, what);
      checkChecksum(volume, inode, bytes, what);
    },
  });
}

/** Checks all that does not depend on the node above: counts, order, and that all blocks exist. */
function checkNode(volume: Volume, node: Buffer, depth: number, what: string): void {
  if (header.magic(node) !== headerMagic) {
    throw volume.corrupt(
      `${what} has the magic number 0x${header.magic(node).toString(16)}, expected 0xf30a`,
    );
  }
  const entries = header.entries(node);
  const max = header.max(node);
  const room = Math.floor((node.length - header.size) / entrySize);
  if (max > room || entries > max || (entries === 0 && depth > 0)) {
    throw volume.corrupt(`${what} has ${entries} entries of at most ${max}, and room for ${room}`);
  }
  if (header.depth(node) !== depth) {
    throw volume.corrupt(`${what} says it is at level ${header.depth(node)}, but is at level ${depth}`);
  }
  let end = 0;
  for (let at = 0; at < entries; at++) {
    const start = startOf(node, at);
    if (start < end) throw volume.corrupt(`${what} is out of order at entry ${at} (file block ${start})`);
    if (depth > 0) {
      end = start + 1;
      continue;
    }
    const extent = leafExtent(node, at);
    end = start + extent.length;
    if (end > endOfFileBlocks) throw volume.corrupt(`${what} goes beyond file block 2^32`);
    volume.checkBlocks(extent.physical, extent.length, `the extent at file block ${start} in ${what}`);
  }
}

/** Checks that a node stays within the file blocks that the node above gave it. */
function checkSpan(volume: Volume, node: Buffer, depth: number, span: Span, what: string): void {
  const entries = header.entries(node);
  if (entries === 0) return;
  const first = startOf(node, 0);
  const last = depth > 0 ? startOf(node, entries - 1) + 1 : endOf(node, entries - 1);
  if (first < span.from || last > span.to) {
    throw volume.corrupt(
      `${what} has file blocks ${first} to ${last - 1} in a node that is for ${span.from} to ${span.to - 1}`,
    );
  }
}

/** The checksum is behind the room for the entries, used or not. */
function checkChecksum(volume: Volume, inode: Inode, node: Buffer, what: string): void {
  if (!volume.superblock.features.has('metadata_csum')) return;
  const end = header.size + header.max(node) * entrySize;
  if (end + 4 > node.length || crc32c(inode.checksumSeed, node, 0, end) !== node.readUInt32LE(end)) {
    throw volume.corrupt(`the checksum of ${what} does not match`);
  }
}

/** The last entry that starts at or before a file block. */
function lastStartingBefore(node: Buffer, logical: number): number | undefined {
  let low = 0;
  let high = header.entries(node);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (startOf(node, middle) <= logical) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : low - 1;
}

function positionOf(at: number): number {
  return header.size + at * entrySize;
}

function startOf(node: Buffer, at: number): number {
  return firstBlock(node, positionOf(at));
}

function endOf(node: Buffer, at: number): number {
  return startOf(node, at) + leafExtent(node, at).length;
}

function leafExtent(node: Buffer, at: number) {
  const position = positionOf(at);
  const stored = leafEntry.length(node, position);
  const isWritten = stored <= maxWrittenLength;
  return {
    from: firstBlock(node, position),
    length: isWritten ? stored : stored - maxWrittenLength,
    isWritten,
    physical: joined(leafEntry.startLow(node, position), leafEntry.startHigh(node, position)),
  };
}
