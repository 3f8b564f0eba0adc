/**
 * Where in a hash tree the digest of a block is. The levels lie one after another behind the superblock, the one with
 * the digests of the root's children first, that of the data blocks last: kernel Documentation,
 * admin-guide/device-mapper/verity.rst, "Theory of operation" and "Hash Tree".
 */
import { corruptVerity } from './errors.ts';
import { type TreeParameters, superblockSize } from './superblock.ts';

/** A tree's levels, from that of the data blocks (0) up; none when the root hash is that of the only data block. */
export interface TreeLayout {
  /** For each level, where its first block is, bytes from the start of the tree. */
  readonly levels: readonly bigint[];
  /** Where the digest of data block or hash block number `index` is, in the level above it. */
  place(index: bigint): DigestPlace;
}

export interface DigestPlace {
  /** Number of the hash block in its level. */
  readonly block: bigint;
  /** Bytes into the hash block. */
  readonly offset: number;
}

/**
 * @param name what error messages call the tree
 * @param size bytes of the tree
 * @throws PortableError InvalidArgs when it is too short for the data it covers
 */
export function treeLayout(name: string, size: bigint, parameters: TreeParameters): TreeLayout {
  const { hashBlockSize, dataBlocks, digest, padded } = parameters;
  // a block has a power of two of digests, whatever else would fit
  const bits = Math.floor(Math.log2(hashBlockSize / digest.size));
  const perBlock = 1n << BigInt(bits);
  const slot = padded ? hashBlockSize >> bits : digest.size;
  const counts: bigint[] = [];
  for (let below = dataBlocks; below > 1n;) {
    below = (below + perBlock - 1n) / perBlock;
    counts.push(below);
  }
  const blockSize = BigInt(hashBlockSize);
  let offset = ((BigInt(superblockSize) + blockSize - 1n) / blockSize) * blockSize;
  const levels: bigint[] = [];
  for (const [level, count] of [...counts.entries()].reverse()) {
    levels[level] = offset;
    offset += count * blockSize;
  }
  if (offset > size) {
    throw corruptVerity(name, `a tree over ${dataBlocks} blocks takes ${offset} bytes, and it has ${size}`);
  }
  return {
    levels,
    place: (index) => ({ block: index / perBlock, offset: Number(index % perBlock) * slot }),
  };
}
