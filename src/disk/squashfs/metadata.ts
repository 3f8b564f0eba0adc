/**
 * Metadata blocks: inodes, directories and tables are streams cut into blocks of 8 KiB, each compressed by itself
 * and preceded by its stored size. The next block follows directly, so they are found by walking.
 */
import type { Budget } from '../budget.ts';
import { decompress } from '../codec/index.ts';
import type { CodecName } from '../codec/index.ts';
import { Pacer } from '../codec/pace.ts';
import type { BlockSource } from '../source.ts';
import { corrupt } from './errors.ts';
import { metadataBytes, metadataHeaderBytes, metadataUncompressed } from './format.ts';
import { Recent } from '../recent.ts';

/** Uncompressed blocks kept: half a MiB. */
const keptBlocks = 64;

interface MetadataBlock {
  readonly bytes: Buffer;
  /** Position of the block after it. */
  readonly next: bigint;
}

/** Reads metadata blocks of one image; each new one is charged to the budget. */
export class MetadataReader {
  readonly image: string;
  readonly #source: BlockSource;
  readonly #codec: CodecName;
  readonly #end: bigint;
  readonly #budget: Budget;
  /** Long listings let others have their turn: a block costs its reader as much again. */
  readonly #pacer = new Pacer();
  readonly #blocks = new Recent<bigint, MetadataBlock>(keptBlocks);

  /** @param end where the image ends, bytes */
  constructor(source: BlockSource, codec: CodecName, end: bigint, budget: Budget) {
    this.image = source.name;
    this.#source = source;
    this.#codec = codec;
    this.#end = end;
    this.#budget = budget;
  }

  /** The block whose header is at `position`. @throws PortableError */
  block(position: bigint): Promise<MetadataBlock> {
    return this.#blocks.get(position, () => this.#read(position));
  }

  /** A cursor at byte `offset` of the uncompressed block at `position`. */
  cursor(position: bigint, offset: number): MetadataCursor {
    return new MetadataCursor(this, position, offset);
  }

  async #read(position: bigint): Promise<MetadataBlock> {
    this.#budget.charge('metadataBlocks');
    await this.#pacer.spend(metadataBytes);
    const left = this.#end - position;
    if (left < metadataHeaderBytes)
      throw this.#corrupt(position, `is outside the image's ${this.#end} bytes`);
    // header and the most that can follow it, in one read
    const longest = metadataHeaderBytes + metadataBytes;
    const raw = await this.#source.read(position, left < longest ? Number(left) : longest);
    const header = raw.readUInt16LE(0);
    const size = header & ~metadataUncompressed;
    if (size === 0 || size > metadataBytes)
      throw this.#corrupt(position, `has a stored size of ${size} bytes`);
    const stored = raw.subarray(metadataHeaderBytes, metadataHeaderBytes + size);
    if (stored.length < size) throw this.#corrupt(position, `goes beyond the image's ${this.#end} bytes`);
    const isStored = (header & metadataUncompressed) !== 0;
    const bytes = isStored
      ? // a copy lets go of the rest of what was read
        Buffer.from(stored)
      : await decompress(
          this.#codec,
          stored,
          { maxOutput: metadataBytes },
          { file: this.image, offset: position },
        );
    return { bytes, next: position + BigInt(metadataHeaderBytes + size) };
  }

  #corrupt(position: bigint, what: string) {
    return corrupt(this.image, `the metadata block at ${position} ${what}`);
  }
}

/** Reads a stream of metadata from some point on, across blocks. */
export class MetadataCursor {
  readonly #reader: MetadataReader;
  #position: bigint;
  #offset: number;
  /** The block at #position, once it was needed. */
  #block: MetadataBlock | undefined;

  constructor(reader: MetadataReader, position: bigint, offset: number) {
    this.#reader = reader;
    this.#position = position;
    this.#offset = offset;
  }

  /** Where it is: what `cursor()` needs to come back here. */
  get place(): { readonly position: bigint; readonly offset: number } {
    return { position: this.#position, offset: this.#offset };
  }

  /**
   * The next `length` bytes, if they are in the block at hand; the caller must not change them. For loops over
   * many small structures, where waiting for a promise each time would cost more than the work.
   */
  tryRead(length: number): Buffer | undefined {
    const end = this.#offset + length;
    if (this.#block === undefined || end > this.#block.bytes.length) return undefined;
    const bytes = this.#block.bytes.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  /** The next `length` bytes; the caller must not change them. @throws PortableError */
  async read(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0;) {
      const rest = await this.#rest();
      const part = rest.subarray(0, missing);
      this.#offset += part.length;
      missing -= part.length;
      parts.push(part);
    }
    const [first] = parts;
    return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
  }

  /** Moves on by `length` bytes. @throws PortableError */
  async skip(length: number): Promise<void> {
    for (let missing = length; missing > 0;) {
      const step = Math.min((await this.#rest()).length, missing);
      this.#offset += step;
      missing -= step;
    }
  }

  /** What is left of the present block, or else the next one: at least one byte. */
  async #rest(): Promise<Buffer> {
    this.#block ??= await this.#reader.block(this.#position);
    if (this.#offset === this.#block.bytes.length) {
      const full = this.#offset === metadataBytes;
      if (full) {
        this.#position = this.#block.next;
        this.#offset = 0;
        this.#block = await this.#reader.block(this.#position);
      }
    }
    if (this.#offset >= this.#block.bytes.length) {
      throw corrupt(
        this.#reader.image,
        `the metadata block at ${this.#position} ends at ${this.#block.bytes.length}, and goes on to ${this.#offset}`,
      );
    }
    return this.#block.bytes.subarray(this.#offset);
  }
}
