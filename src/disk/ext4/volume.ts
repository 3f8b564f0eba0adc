/** What everything that reads one file system shares: its blocks, cached and within the budget, and its errors. */
import { PortableError, quoted } from '../../base/errors.ts';
import type { Budget } from '../budget.ts';
import { readInto } from '../read-into.ts';
import type { BlockSource } from '../source.ts';
import { BlockCache } from '../block-cache.ts';
import type { Superblock } from './superblock.ts';

/** Bytes of metadata blocks kept. */
const cacheBytes = 2 * 1024 * 1024;

/** Whose block it is, for the cache: one block may serve several owners, and must pass the checks of each. */
export interface BlockUse {
  /** Unique among the structures of the file system, and the same each time this one is read. */
  readonly key: string;
  /** What the error messages call it: "extent block", "directory block 3 of inode 12". */
  readonly what: string;
  /** Checks that the block is what it should be, before it is cached. @throws PortableError */
  readonly check?: (bytes: Buffer) => void;
}

export class Volume {
  readonly superblock: Superblock;
  readonly budget: Budget;
  readonly #source: BlockSource;
  readonly #cache = new BlockCache(cacheBytes);

  constructor(source: BlockSource, superblock: Superblock, budget: Budget) {
    this.#source = source;
    this.superblock = superblock;
    this.budget = budget;
  }

  get name(): string {
    return this.#source.name;
  }

  /**
   * One block of metadata, from the cache or the source. Callers must not change it, nor hand out parts of it.
   * @throws PortableError InvalidArgs when there is no such block or it fails its check, LimitsExceeded
   */
  async block(number: number, use: BlockUse): Promise<Buffer> {
    const key = `${use.key}:${number}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) {
      this.budget.checkTime();
      return cached;
    }
    this.checkBlocks(number, 1, use.what);
    this.budget.charge('metadataBlocks');
    const { blockSize } = this.superblock;
    const bytes = await this.#source.read(BigInt(number) * BigInt(blockSize), blockSize);
    use.check?.(bytes);
    this.#cache.set(key, bytes);
    return bytes;
  }

  /** Fills `target` with the bytes from `offset` of block `number` on; the caller has checked the blocks. */
  readInto(target: Buffer, number: number, offset: number): Promise<void> {
    const start = BigInt(number) * BigInt(this.superblock.blockSize) + BigInt(offset);
    return readInto(this.#source, this.budget, target, start);
  }

  /**
   * Checks that `count` blocks from `number` on are blocks that something may be stored in.
   * @throws PortableError InvalidArgs
   */
  checkBlocks(number: number, count: number, what: string): void {
    const { blocks, firstDataBlock } = this.superblock;
    if (number > firstDataBlock && count > 0 && number + count <= blocks) return;
    const range = count === 1 ? `block ${number}` : `blocks ${number} to ${number + count - 1}`;
    throw this.corrupt(
      `${what} is at ${range}, but the file system has the blocks ${firstDataBlock} to ${blocks - 1}`,
    );
  }

  /** The error for anything in the file system that cannot be true. */
  corrupt(what: string, hint = 'copy the image again, or repair a copy of it with e2fsck'): PortableError {
    return new PortableError(
      'InvalidArgs',
      `the ${this.superblock.type} in ${quoted(this.name)} is corrupt: ${what}`,
      {
        file: this.name,
        hint,
      },
    );
  }

  /** The error for what may be right, but cannot be read. */
  unsupported(what: string, hint?: string): PortableError {
    return new PortableError('NotSupported', `${quoted(this.name)}: ${what}`, { file: this.name, hint });
  }
}
