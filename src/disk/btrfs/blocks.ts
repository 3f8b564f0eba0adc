/** Reading tree blocks: checked in all that they say of themselves, the second copy where the first is no good. */
import { PortableError } from '../../base/errors.ts';
import type { Budget } from '../budget.ts';
import { Recent } from '../recent.ts';
import type { BlockSource } from '../source.ts';
import { type FindChunk, copiesOf } from './chunk.ts';
import { corrupt } from './errors.ts';
import { objectId, sizeOf } from './format.ts';
import { type Key, compareKeys, keyText } from './key.ts';
import type { Superblock } from './superblock.ts';
import { BadBlock, TreeBlock, type TreeRoot } from './tree-block.ts';

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
  const kept = new Recent<string, TreeBlock>(cacheBytes / nodeSize);

  const readCopy = async (reference: BlockReference, physical: bigint): Promise<TreeBlock> => {
    budget.charge('metadataBlocks');
    const bytes = await source.read(physical, nodeSize);
    const { address } = reference;
    const stored = bytes.subarray(0, checksum.size);
    if (!stored.equals(checksum.digest(bytes.subarray(sizeOf.checksum)))) {
      throw corrupt(name, `${place(address, physical)} does not match its ${checksum.name} checksum`);
    }
    try {
      const block = new TreeBlock(bytes, { metadataId, address });
      checkReference(block, reference);
      return block;
    } catch (error) {
      if (!(error instanceof BadBlock)) throw error;
      throw corrupt(name, `${place(address, physical)} ${error.message}`);
    }
  };

  const readAny = async (reference: BlockReference): Promise<TreeBlock> => {
    if (reference.address % BigInt(sectorSize) !== 0n) {
      throw corrupt(name, `a tree block would be at the logical address ${reference.address}`);
    }
    const copies = await copiesOf(name, findChunk, reference.address, nodeSize);
    return firstGood(copies, (physical) => readCopy(reference, physical));
  };

  return async (reference) => {
    const { address, generation } = reference;
    const block = await kept.get(`${address} ${generation}`, () => readAny(reference));
    budget.checkTime();
    try {
      checkReference(block, reference);
    } catch (error) {
      if (error instanceof BadBlock) throw corrupt(name, `the tree block at ${address} ${error.message}`);
      throw error;
    }
    return block;
  };
}

/** What the first of the copies gives that can be read. @throws what the first one failed with, when none can */
export async function firstGood<T>(
  copies: readonly bigint[],
  read: (physical: bigint) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  for (const copy of copies) {
    try {
      return await read(copy);
    } catch (error) {
      const isBadCopy = error instanceof PortableError && badCopy.has(error.code);
      if (!isBadCopy) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/** A copy with these errors says nothing of the other. */
const badCopy: ReadonlySet<string> = new Set(['InvalidArgs', 'IOError']);

function place(address: bigint, physical: bigint): string {
  return `the tree block at ${address} (offset ${physical})`;
}

/** @throws BadBlock when it is not the one that was meant */
function checkReference(block: TreeBlock, { generation, level, owner, firstKey }: BlockReference): void {
  if (block.generation !== generation) {
    throw new BadBlock(`is of generation ${block.generation}, not ${generation}`);
  }
  if (block.level !== level) throw new BadBlock(`is of level ${block.level}, not ${level}`);
  const isOwned = isSubvolume(owner) ? isSubvolume(block.owner) : block.owner === owner;
  if (!isOwned) throw new BadBlock(`is of tree ${block.owner}, not ${owner}`);
  if (firstKey === undefined) return;
  if (block.count === 0 || compareKeys(block.key(0), firstKey) !== 0) {
    const found = block.count === 0 ? 'nothing' : keyText(block.key(0));
    throw new BadBlock(`starts with ${found}, not ${keyText(firstKey)}`);
  }
}

/** A tree that snapshots are made of, and that may be one. */
export function isSubvolume(tree: bigint): boolean {
  return tree === objectId.fileTree || (tree >= objectId.firstFree && tree < 2n ** 63n);
}
