/** What everything that reads one file system shares: its blocks, cached and within the budget, and its errors. */
import type { PortableError } from '../../base/errors.ts';
import { BlockCache } from '../block-cache.ts';
import type { Budget } from '../budget.ts';
import { readInto } from '../read-into.ts';
import type { BlockSource } from '../source.ts';
import { corrupt, unsupported } from './errors.ts';
import type { Superblock } from './superblock.ts';

/** Bytes of metadata blocks kept. */
const cacheBytes = 2 * 1024 * 1024;

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

  /** A block of metadata, from the cache or the source. Shared: do not write to it. */
  async block(address: number): Promise<Buffer> {
    this.budget.checkTime();
    const key = String(address);
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    this.budget.charge('metadataBlocks');
    const { blockSize } = this.superblock;
    const bytes = await this.#source.read(BigInt(address) * BigInt(blockSize), blockSize);
    this.#cache.set(key, bytes);
    return bytes;
  }

  /** As `block`, for a block of nodes or data, which may be in one area only. @throws PortableError InvalidArgs */
  mainBlock(address: number, what: string): Promise<Buffer> {
    this.checkMain(address, 1, what);
    return this.block(address);
  }

  /** Fills `target` with the bytes from `offset` of block `address` on; the caller has checked the blocks. */
  readInto(target: Buffer, address: number, offset: number): Promise<void> {
    const start = BigInt(address) * BigInt(this.superblock.blockSize) + BigInt(offset);
    return readInto(this.#source, this.budget, target, start);
  }

  /** Checks that blocks are where nodes and data are. @throws PortableError InvalidArgs */
  checkMain(address: number, count: number, what: string): void {
    const { mainStart, end } = this.superblock;
    if (address >= mainStart && address + count <= end) return;
    throw this.corrupt(`${what} is at block ${address}, outside ${mainStart} to ${end - 1}`);
  }

  /** The error for anything in the file system that cannot be true. */
  corrupt(what: string): PortableError {
    return corrupt(this.name, what);
  }

  /** The error for what may be right, but cannot be read; `what` fits after "uses". */
  unsupported(what: string): PortableError {
    return unsupported(this.name, what);
  }
}
