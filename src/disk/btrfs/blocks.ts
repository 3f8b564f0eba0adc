/** Reading tree blocks: checked in all that they say of themselves, the second copy where the first is no good. */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import { type FindChunk, copiesOf } from './chunk.ts';
import { BadCopy, firstGood } from './copies.ts';
import { corrupt } from './errors.ts';
import { objectId, sizeOf } from './format.ts';
import { type Key, compareKeys, keyText } from './key.ts';
import type { Superblock } from './superblock.ts';
import { TreeBlock, type TreeRoot } from './tree-block.ts';

/** A block as whoever points to it describes it. */
export interface BlockReference extends TreeRoot {
  /** The tree. */
  readonly owner: bigint;
  /** Undefined for the root of a tree. */
  readonly firstKey: Key | undefined;
}

/** @throws PortableError InvalidArgs when no copy is what the reference says, LimitsExceeded */
export type ReadBlock = (reference: BlockReference) => Promise<TreeBlock>;

export interface BlockOptions {
  readonly source: BlockSource;
  readonly budget: Budget;
  readonly superblock: Superblock;
  readonly findChunk: FindChunk;
}

/** Bytes of blocks kept. */
const cacheBytes = 2 * 1024 * 1024;

/** Reads blocks, and keeps the last ones. Each copy that is read is charged as a metadata block. */
export function blockReader({ source, budget, superblock, findChunk }: BlockOptions): ReadBlock {
  const { nodeSize, checksum, metadataId, sectorSize } = superblock;
  const { name } = source;
  /** By address, in order of use. */
  const kept = new Map<bigint, TreeBlock>();

  const readCopy = async (reference: BlockReference, physical: bigint): Promise<TreeBlock> => {
    budget.charge('metadataBlocks');
    const bytes = await source.read(physical, nodeSize);
    const { address } = reference;
    const bad = (what: string) =>
      new BadCopy(corrupt(name, `the tree block at ${address} (offset ${physical}) ${what}`));
    const stored = bytes.subarray(0, checksum.size);
    if (!stored.equals(checksum.digest(bytes.subarray(sizeOf.checksum)))) {
      throw bad(`does not match its ${checksum.name} checksum`);
    }
    const block = new TreeBlock(bytes);
    const problem = block.problem({ metadataId, address }) ?? mismatch(block, reference);
    if (problem !== undefined) throw bad(problem);
    return block;
  };

  const keep = (block: TreeBlock): TreeBlock => {
    kept.delete(block.address);
    kept.set(block.address, block);
    if (kept.size * nodeSize > cacheBytes) {
      const [oldest] = kept.keys();
      if (oldest !== undefined) kept.delete(oldest);
    }
    return block;
  };

  return async (reference) => {
    const { address } = reference;
    const known = kept.get(address);
    if (known !== undefined && mismatch(known, reference) === undefined) {
      budget.checkTime();
      return keep(known);
    }
    if (address % BigInt(sectorSize) !== 0n) {
      throw corrupt(name, `a tree block would be at the logical address ${address}`);
    }
    const copies = await copiesOf(name, findChunk, address, nodeSize);
    return keep(await firstGood(copies, (physical) => readCopy(reference, physical)));
  };
}

/** In what the block is not the one that was meant, as it fits after "the tree block at … ". */
function mismatch(
  block: TreeBlock,
  { generation, level, owner, firstKey }: BlockReference,
): string | undefined {
  if (block.generation !== generation) return `is of generation ${block.generation}, not ${generation}`;
  if (block.level !== level) return `is of level ${block.level}, not ${level}`;
  const isOwned = isSubvolume(owner) ? isSubvolume(block.owner) : block.owner === owner;
  if (!isOwned) return `is of tree ${block.owner}, not ${owner}`;
  if (firstKey === undefined) return undefined;
  if (block.count === 0) return `has nothing in it, and should start with ${keyText(firstKey)}`;
  if (compareKeys(block.key(0), firstKey) === 0) return undefined;
  return `starts with ${keyText(block.key(0))}, not ${keyText(firstKey)}`;
}

/** A tree that snapshots are made of, and that may be one. */
export function isSubvolume(tree: bigint): boolean {
  return tree === objectId.fileTree || (tree >= objectId.firstFree && tree < 2n ** 63n);
}
