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

/** Blocks of the file system that follow each other; numbered from its start, whatever their groups. */
export interface BlockRange {
  readonly start: number;
  readonly count: number;
}

/** Whose metadata it is, for the cache: one block may serve several owners, and must pass the checks of each. */
export interface BlockUse {
  /** Unique among the structures of the file system, and the same each time this one is read. */
  readonly key: string;
  /** Checks that the bytes are what they should be, before they are cached. @throws PortableError */
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
   * One structure of metadata in the blocks of `ranges`, from the cache or the source. Callers must not change it, nor
   * hand out parts of it. The ranges are those of `locate`.
   * @throws PortableError InvalidArgs when it fails its check, LimitsExceeded
   */
  async metadata(ranges: readonly BlockRange[], use: BlockUse): Promise<Buffer> {
    const key = `${use.key}:${ranges.map((range) => range.start).join('+')}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) {
      this.budget.checkTime();
      return cached;
    }
    const parts: Buffer[] = [];
    for (const { start, count } of ranges) {
      this.budget.charge('metadataBlocks', count);
      const { blockSize } = this.superblock;
      parts.push(await this.#source.read(BigInt(start) * BigInt(blockSize), count * blockSize));
    }
    const [first] = parts;
    const bytes = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
    use.check?.(bytes);
    this.#cache.set(key, bytes);
    return bytes;
  }

  /** Fills `target` with the bytes from `offset` of block `number` on, which is one of `locate`. */
  readInto(target: Buffer, number: number, offset: number): Promise<void> {
    const start = BigInt(number) * BigInt(this.superblock.blockSize) + BigInt(offset);
    return readInto(this.#source, this.budget, target, start);
  }

  /**
   * Where the `count` blocks are that start with `address`: the number of the allocation group, and below it that of
   * the block in the group, with as many bits as sb_agblklog says.
   * @throws PortableError InvalidArgs when they are not blocks of one group that something may be stored in
   */
  locate(address: number, count: number, what: string): number {
    const { groupBlocksLog } = this.superblock;
    const group = Math.floor(address / 2 ** groupBlocksLog);
    return this.locateInGroup(group, address % 2 ** groupBlocksLog, count, what);
  }

  /** As locate, for blocks from number `block` of `group` on. */
  locateInGroup(group: number, block: number, count: number, what: string): number {
    const { groups, groupBlocks, firstBlock, blocks } = this.superblock;
    const size = group === groups - 1 ? blocks - group * groupBlocks : groupBlocks;
    if (group >= groups || block < firstBlock || block + count > size) {
      const range = count === 1 ? `block ${block}` : `blocks ${block} to ${block + count - 1}`;
      const there =
        group < groups
          ? `which has the blocks ${firstBlock} to ${size - 1} for it`
          : `but there are only ${groups}`;
      throw this.corrupt(`${what} is at ${range} of group ${group}, ${there}`);
    }
    return group * groupBlocks + block;
  }

  /** The error for anything in the file system that cannot be true. */
  corrupt(what: string): PortableError {
    return corrupt(this.name, what);
  }

  /** The error for what may be right, but cannot be read; `what` fits after "uses ". */
  unsupported(what: string): PortableError {
    return unsupported(this.name, what);
  }
}
