/**
 * Searching the hash index of a directory: which of its leaves can hold a name.
 * Layout: https://docs.kernel.org/filesystems/ext4/directory.html ("Hash Tree Directories")
 */
import { directoryBlock, indexAt, isIndexBlock } from './directory-blocks.ts';
import { u16, u32, u8 } from './fields.ts';
import { type CharSign, hashVersions, nameHash } from './hash.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';

/** dx_root_info, in the root behind the records of "." and "..". */
const rootInfo = {
  reserved: u32(0x18),
  hashVersion: u8(0x1c),
  length: u8(0x1d),
  levels: u8(0x1e),
  flags: u8(0x1f),
} as const;
const rootInfoLength = 8;

/** Entries of a node; in the place of the first one's hash (which is 0) are limit and count, itself included. */
const entry = { size: 8, limit: u16(0x0), count: u16(0x2), hash: u32(0x0), block: u32(0x4) } as const;
const blockMask = 0x0fff_ffff;

/** Nodes on the way to a leaf: root and one more, with large_dir another. */
const maxLevels = { plain: 2, largeDir: 3 } as const;

/** Lower than any hash: leads to the first entry of a node. */
const beforeAll = -1;

/** hash_version of directories that are both encrypted and casefolded. */
const siphashVersion = 6;

/** A node and the entry of it that is being followed. */
interface Step {
  readonly block: Buffer;
  readonly start: number;
  position: number;
}

interface Root {
  readonly block: Buffer;
  readonly levels: number;
  /** Hashes that the name can have: one, or two where the file system does not say how its bytes are signed. */
  hashesOf(name: Buffer): ReadonlySet<number>;
}

/**
 * The blocks of an indexed directory that can hold `name`, in order; mostly one.
 * @throws PortableError InvalidArgs when the index is corrupt, NotSupported for an unknown hash function
 */
export async function* leavesFor(
  volume: Volume,
  inode: Inode,
  name: Buffer,
  blocks: number,
): AsyncGenerator<Buffer> {
  const root = await readRoot(volume, inode);
  for (const hash of root.hashesOf(name)) {
    const path: Step[] = [stepTo(root.block, indexAt.root, hash)];
    while (path.length < root.levels) path.push(await descend(volume, inode, { path, hash, blocks }));
    do {
      yield await readBlock(volume, inode, { logical: target(path), blocks, isLeaf: true });
    } while (await moveOn(volume, inode, { path, hash, blocks, levels: root.levels }));
  }
}

async function readRoot(volume: Volume, inode: Inode): Promise<Root> {
  const block = await readBlock(volume, inode, { logical: 0, blocks: 1, isLeaf: false });
  const where = `the index of directory inode ${inode.number}`;
  const max = volume.superblock.features.has('large_dir') ? maxLevels.largeDir : maxLevels.plain;
  const levels = rootInfo.levels(block) + 1;
  const reserved = rootInfo.reserved(block);
  if (reserved !== 0) {
    throw volume.unsupported(
      `${where} has 0x${reserved.toString(16)} in its reserved field, which is not known`,
    );
  }
  if (rootInfo.length(block) !== rootInfoLength || levels > max) {
    throw volume.corrupt(
      `${where} has a head of ${rootInfo.length(block)} bytes and ${levels} levels, expected ${rootInfoLength} and at most ${max}`,
    );
  }
  const flags = rootInfo.flags(block);
  if ((flags & 1) !== 0) {
    throw volume.unsupported(`${where} has the flags 0x${flags.toString(16)}, which are not known`);
  }
  checkCounts(volume, block, indexAt.root, where);
  return { block, levels, hashesOf: hasher(volume, rootInfo.hashVersion(block), where) };
}

function hasher(volume: Volume, version: number, where: string): (name: Buffer) => ReadonlySet<number> {
  const known = hashVersions.get(version);
  if (known === undefined) {
    const called = version === siphashVersion ? 'SipHash (encrypted names)' : `version ${version}`;
    throw volume.unsupported(`${where} uses the hash function ${called}, which is not known`);
  }
  const { hashSign, hashSeed } = volume.superblock;
  const sign = known.sign ?? hashSign;
  const signs: readonly CharSign[] = sign === undefined ? ['signed', 'unsigned'] : [sign];
  return (name) => new Set(signs.map((each) => nameHash(name, known.function, each, hashSeed)));
}

/** The step that follows `hash` from a node on: the last entry whose hash is not higher. */
function stepTo(block: Buffer, start: number, hash: number): Step {
  let low = 1;
  let high = entry.count(block, start);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entry.hash(block, start + middle * entry.size) <= hash) low = middle + 1;
    else high = middle;
  }
  return { block, start, position: low - 1 };
}

/** The block that the last step leads to. */
function target(path: readonly Step[]): number {
  const last = path.at(-1);
  if (last === undefined) throw new Error('an index path is never empty');
  return entry.block(last.block, last.start + last.position * entry.size) & blockMask;
}

async function descend(
  volume: Volume,
  inode: Inode,
  at: { path: readonly Step[]; hash: number; blocks: number },
): Promise<Step> {
  const logical = target(at.path);
  const block = await readBlock(volume, inode, { logical, blocks: at.blocks, isLeaf: false });
  checkCounts(volume, block, indexAt.node, `index block ${logical} of directory inode ${inode.number}`);
  return stepTo(block, indexAt.node, at.hash);
}

/**
 * Moves the path to the next leaf, if that goes on with the same hash. The path only ever moves forward and has a
 * fixed depth, so this ends.
 */
async function moveOn(
  volume: Volume,
  inode: Inode,
  at: { path: Step[]; hash: number; blocks: number; levels: number },
): Promise<boolean> {
  const { path, hash } = at;
  let last = path.at(-1);
  while (last !== undefined && last.position + 1 >= entry.count(last.block, last.start)) {
    path.pop();
    last = path.at(-1);
  }
  if (last === undefined) return false;
  last.position++;
  const next = entry.hash(last.block, last.start + last.position * entry.size);
  // the lowest bit says that the hash began in the leaf before
  if (next !== hash + 1) return false;
  while (path.length < at.levels) path.push(await descend(volume, inode, { ...at, hash: beforeAll }));
  return true;
}

/** A node has as many entries as fit: room for a checksum is left when there is one. */
function checkCounts(volume: Volume, block: Buffer, start: number, where: string): void {
  const tail = volume.superblock.features.has('metadata_csum') ? entry.size : 0;
  const room = Math.floor((block.length - start - tail) / entry.size);
  const limit = entry.limit(block, start);
  const count = entry.count(block, start);
  if (limit > room || count === 0 || count > limit) {
    throw volume.corrupt(`${where} has ${count} entries of at most ${limit}, and room for ${room}`);
  }
}

async function readBlock(
  volume: Volume,
  inode: Inode,
  at: { logical: number; blocks: number; isLeaf: boolean },
): Promise<Buffer> {
  const { logical } = at;
  const where = `block ${logical} of directory inode ${inode.number}`;
  if (logical >= at.blocks) throw volume.corrupt(`the index leads to ${where}, which has only ${at.blocks}`);
  const found = await directoryBlock(volume, inode, logical);
  if ('hole' in found) throw volume.corrupt(`the index leads to ${where}, which is a hole`);
  // without checksums an empty leaf looks the same as an index block
  const isIndex = isIndexBlock(volume, inode, logical, found.bytes);
  if (at.isLeaf ? logical === 0 : !isIndex) {
    throw volume.corrupt(`the index takes ${where} for ${at.isLeaf ? 'a leaf' : 'a part of itself'}`);
  }
  return found.bytes;
}
