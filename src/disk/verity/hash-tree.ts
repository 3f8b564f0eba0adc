/** A hash tree: the digests of data blocks, each read from a hash block that was itself checked, up to the root hash. */
import { Recent } from '../recent.ts';
import type { BlockSource } from '../source.ts';
import { corruptVerity } from './errors.ts';
import { type TreeLayout, treeLayout } from './layout.ts';
import { type TreeParameters, readVeritySuperblock } from './superblock.ts';

/** Bytes of hash blocks kept, at most. */
const cacheBytes = 512 * 1024;

export class HashTree {
  readonly parameters: TreeParameters;
  readonly #source: BlockSource;
  readonly #rootHash: Buffer;
  readonly #layout: TreeLayout;
  /** Checked hash blocks by their offset. */
  readonly #blocks: Recent<bigint, Buffer>;

  private constructor(source: BlockSource, parameters: TreeParameters, rootHash: Buffer) {
    this.parameters = parameters;
    this.#source = source;
    this.#rootHash = rootHash;
    this.#layout = treeLayout(source.name, source.size, parameters);
    this.#blocks = new Recent(Math.floor(cacheBytes / parameters.hashBlockSize));
  }

  /**
   * @param source a superblock and the tree
   * @throws PortableError as readVeritySuperblock; InvalidArgs when the tree is truncated, or the root hash is none of
   *   the tree's algorithm
   */
  static async open(source: BlockSource, rootHash: Buffer): Promise<HashTree> {
    const parameters = await readVeritySuperblock(source);
    const { algorithm, digest } = parameters;
    if (rootHash.length !== digest.size) {
      const what = `its hashes are ${algorithm}, which has ${digest.size} bytes, and the root hash has ${rootHash.length}`;
      throw corruptVerity(source.name, what);
    }
    return new HashTree(source, parameters, rootHash);
  }

  /** What error messages call it. */
  get name(): string {
    return this.#source.name;
  }

  /**
   * The digest that data block `index` must have.
   * @throws PortableError InvalidArgs naming the hash block on the way that does not match the one above it
   */
  dataDigest(index: bigint): Promise<Buffer> {
    return this.#digest(0, index);
  }

  /** The digest of block `index` of what is below `level`. */
  async #digest(level: number, index: bigint): Promise<Buffer> {
    if (level === this.#layout.levels.length) return this.#rootHash;
    const { block, offset } = this.#layout.place(index);
    const digests = await this.#hashBlock(level, block);
    return digests.subarray(offset, offset + this.#rootHash.length);
  }

  #hashBlock(level: number, index: bigint): Promise<Buffer> {
    const { digest, hashBlockSize } = this.parameters;
    const offset = (this.#layout.levels[level] ?? 0n) + index * BigInt(hashBlockSize);
    return this.#blocks.get(offset, async () => {
      const expected = await this.#digest(level + 1, index);
      const bytes = await this.#source.read(offset, hashBlockSize);
      if (digest.of(bytes).equals(expected)) return bytes;
      const isTop = level + 1 === this.#layout.levels.length;
      throw corruptVerity(
        this.name,
        `the hash block at offset ${offset} (level ${level}, block ${index}) does not match ${isTop ? 'the root hash' : 'the hash above it'}`,
      );
    });
  }
}
