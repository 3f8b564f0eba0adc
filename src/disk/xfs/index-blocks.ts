/**
 * The blocks of hash indices, which directories and attributes share: nodes that lead to leaves, sorted by hash.
 * "XFS Algorithms & Data Structures", chapters "Directories" (section "Node Directories") and "Extended Attributes".
 */
import { checkHeader, indexHeader } from './block-header.ts';
import { locateBlocks } from './extent-map.ts';
import { u16, u32 } from './fields.ts';
import type { Fork, Inode } from './inode.ts';
import type { Volume } from './volume.ts';

/** struct xfs_da3_blkinfo, and what all blocks have behind it. */
const header = { next: u32(0), magic: u16(8), count: u16(56), level: u16(58) } as const;

const kinds = {
  /** XFS_DA3_NODE_MAGIC */
  0x3ebe: 'node',
  /** XFS_DIR3_LEAF1_MAGIC: of a directory with one leaf. */
  0x3df1: 'only leaf',
  /** XFS_DIR3_LEAFN_MAGIC */
  0x3dff: 'leaf',
  /** XFS_ATTR3_LEAF_MAGIC */
  0x3bee: 'attribute leaf',
} as const;

type Kind = (typeof kinds)[keyof typeof kinds];

/** Bytes before the entries of nodes and of leaves of directories, which all have 8. */
export const entriesAt = 64;
export const entrySize = 8;

/** struct xfs_da_node_entry: the highest hash below it, and where that is. */
const nodeEntry = { hash: u32(0), block: u32(4) } as const;

/** XFS_DA_NODE_MAXDEPTH */
const maxLevels = 5;

/** One block of an index. */
export interface IndexBlock {
  /** Its number in the fork. */
  readonly logical: number;
  readonly kind: Kind;
  readonly bytes: Buffer;
  readonly count: number;
  /** The block with the hashes behind this one's, on the same level; 0: there is none. */
  readonly next: number;
  /** What error messages call it. */
  readonly what: string;
}

/** Where an index is. */
export interface Index {
  readonly volume: Volume;
  readonly inode: Inode;
  readonly fork: Fork;
  /** Blocks of the file system that make one of the index. */
  readonly blocks: number;
  /** The blocks of the fork [from, to) that it may be in. */
  readonly from: number;
  readonly to: number;
}

/**
 * The leaf that has `hash`, if there is one: the first of them, when there are several. Undefined is the lowest hash.
 * @throws PortableError InvalidArgs when the index is corrupt, LimitsExceeded
 */
export async function findLeaf(index: Index, hash: number | undefined): Promise<IndexBlock> {
  let block = await readIndexBlock(index, index.from);
  let above: number | undefined;
  while (block.kind === 'node') {
    const level = header.level(block.bytes);
    if (level === 0 || level > maxLevels || (above !== undefined && level !== above - 1)) {
      throw index.volume.corrupt(`${block.what} says it is at level ${level}`);
    }
    above = level;
    block = await readIndexBlock(index, childFor(block, hash));
  }
  if (above !== undefined && above !== 1)
    throw index.volume.corrupt(`${block.what} is a leaf at level ${above - 1}`);
  return block;
}

/**
 * Block `logical` of an index, its header and counts checked.
 * @throws PortableError InvalidArgs
 */
export async function readIndexBlock(index: Index, logical: number): Promise<IndexBlock> {
  const { volume, inode, fork, blocks } = index;
  const what = `index block ${logical} of the ${fork.name} of inode ${inode.number}`;
  if (logical < index.from || logical >= index.to) {
    throw volume.corrupt(`${what} is outside of the index, which is from block ${index.from} on`);
  }
  const found = await locateBlocks(volume, inode, fork, { logical, count: blocks });
  if ('hole' in found) throw volume.corrupt(`${what} is missing`);
  const block = found.ranges[0]?.start ?? 0;
  const bytes = await volume.metadata(found.ranges, {
    key: `index:${inode.number}:${fork.name}:${logical}`,
    check: (read) => {
      checkHeader(volume, read, indexHeader, { block, owner: inode.number, what });
      checkCount(volume, read, what);
    },
  });
  const kind = kindOf(bytes);
  if (kind === undefined)
    throw volume.corrupt(`${what} has the magic number 0x${header.magic(bytes).toString(16)}`);
  return { logical, kind, bytes, count: header.count(bytes), next: header.next(bytes), what };
}

/** The first entry whose hash is not lower than `hash`; `count` when there is none. Entries are those of `hashAt`. */
export function firstNotBelow(count: number, hash: number, hashAt: (entry: number) => number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (hashAt(middle) < hash) low = middle + 1;
    else high = middle;
  }
  return low;
}

function kindOf(bytes: Buffer): Kind | undefined {
  return (kinds as Readonly<Record<number, Kind>>)[header.magic(bytes)];
}

/** Leaves of attributes have entries of the same size, behind a longer header: they are checked by whoever reads them. */
function checkCount(volume: Volume, bytes: Buffer, what: string): void {
  const room = Math.floor((bytes.length - entriesAt) / entrySize);
  const count = header.count(bytes);
  if (count > room || (count === 0 && kindOf(bytes) === 'node')) {
    throw volume.corrupt(`${what} has ${count} entries, and room for ${room}`);
  }
}

/** Where a node leads with a hash: to the first child that is not all below it, else to the last. */
function childFor({ bytes, count }: IndexBlock, hash: number | undefined): number {
  const hashAt = (entry: number): number => nodeEntry.hash(bytes, entriesAt + entry * entrySize);
  const found = hash === undefined ? 0 : firstNotBelow(count, hash, hashAt);
  return nodeEntry.block(bytes, entriesAt + Math.min(found, count - 1) * entrySize);
}
