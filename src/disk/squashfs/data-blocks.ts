/** Data and fragment blocks: up to a MiB of file content each, compressed by itself. */
import type { Budget } from '../budget.ts';
import { openBlock } from '../codec/index.ts';
import type { PartialBlock } from '../codec/index.ts';
import type { BlockSource } from '../source.ts';
import { corrupt } from './errors.ts';
import { dataSizeMask, dataUncompressed } from './format.ts';
import { Recent } from '../recent.ts';
import type { Superblock } from './superblock.ts';

/** Uncompressed blocks kept, of at most a MiB each: neighbours in a file, or a fragment block with many files. */
const keptBlocks = 2;

/** A block as an inode or the fragment table gives it. */
export interface BlockAddress {
  /** Bytes from the start of the image. */
  readonly position: bigint;
  /** Stored size and compression, as in the list of block sizes. */
  readonly word: number;
  /** Bytes it holds uncompressed; undefined for a fragment block, which only its content tells. */
  readonly length: number | undefined;
}

export class DataBlocks {
  readonly #source: BlockSource;
  readonly #superblock: Superblock;
  readonly #budget: Budget;
  readonly #decoded = new Recent<string, PartialBlock>(keptBlocks);

  constructor(source: BlockSource, superblock: Superblock, budget: Budget) {
    this.#source = source;
    this.#superblock = superblock;
    this.#budget = budget;
  }

  /** Checks an address before it is used. @returns stored bytes; 0 is a hole @throws PortableError InvalidArgs */
  storedSize({ position, word }: BlockAddress): number {
    const size = word & dataSizeMask;
    const { blockSize, bytesUsed } = this.#superblock;
    if ((word & ~(dataSizeMask | dataUncompressed)) !== 0 || size > blockSize) {
      throw this.#corrupt(
        position,
        `has 0x${word.toString(16)} as size, more than a block of ${blockSize} bytes`,
      );
    }
    if (position + BigInt(size) > bytesUsed) {
      throw this.#corrupt(position, `is ${size} bytes long, and the image ends at ${bytesUsed}`);
    }
    return size;
  }

  /** Copies the bytes [start, start + length) of a block to `target`. @throws PortableError */
  async copy(address: BlockAddress, start: number, length: number, target: Buffer): Promise<void> {
    this.#budget.checkTime();
    const size = this.storedSize(address);
    const isStored = (address.word & dataUncompressed) !== 0;
    const known = size === 0 || isStored ? (size === 0 ? address.length : size) : undefined;
    if (address.length !== undefined && known !== undefined && known !== address.length) {
      throw this.#corrupt(address.position, `has ${known} bytes instead of ${address.length}`);
    }
    if (known !== undefined && start + length > known) throw this.#short(address, known, start + length);
    if (size === 0) {
      target.fill(0, 0, length);
    } else if (isStored) {
      (await this.#source.read(address.position + BigInt(start), length)).copy(target);
    } else {
      (await this.#decode(address, size, start + length)).copy(target, 0, start, start + length);
    }
  }

  /** At least the first `wanted` bytes of a compressed block. The start is often all that is ever needed. */
  async #decode(address: BlockAddress, size: number, wanted: number): Promise<Buffer> {
    const { position, word, length } = address;
    const { codec, blockSize } = this.#superblock;
    const key = `${position}/${word}/${length ?? ''}`;
    const block = await this.#decoded.get(key, async () => {
      const stored = await this.#source.read(position, size);
      const place = { file: this.#source.name, offset: position };
      return openBlock(codec, stored, length ?? blockSize, place);
    });
    const bytes = await block.upTo(wanted);
    if (bytes.length < wanted || (block.complete && length !== undefined && bytes.length !== length)) {
      throw this.#short(address, bytes.length, length ?? wanted);
    }
    return bytes;
  }

  #short(address: BlockAddress, has: number, needed: number) {
    return this.#corrupt(address.position, `has ${has} bytes, and ${needed} are needed`);
  }

  #corrupt(position: bigint, what: string) {
    return corrupt(this.#source.name, `the data block at ${position} ${what}`);
  }
}
