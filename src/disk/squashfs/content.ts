/** The content of a file: blocks one after the other, holes, and perhaps an end in a fragment block. */
import type { BlockAddress } from './data-blocks.ts';
import { corrupt } from './errors.ts';
import { fragmentLayout } from './format.ts';
import type { ContentPlace, MetadataPlace } from './inode.ts';
import type { Volume } from './volume.ts';

/** How far the list of block sizes was walked. */
interface Checkpoint {
  /** Number of the next block. */
  readonly index: number;
  /** Its position in the image. */
  readonly position: bigint;
  /** Its entry in the list. */
  readonly place: MetadataPlace;
}

/** Bytes of one entry in the list of block sizes. */
const entryBytes = 4;

export class FileContent {
  readonly #volume: Volume;
  readonly #size: bigint;
  readonly #fragment: ContentPlace['fragment'];
  readonly #start: Checkpoint;
  /** Where to go on from: blocks are mostly read in order, and the list can only be walked. */
  #checkpoint: Checkpoint;

  /** @param size bytes of the file */
  constructor(volume: Volume, place: ContentPlace, size: bigint) {
    this.#volume = volume;
    this.#size = size;
    this.#fragment = place.fragment;
    this.#start = { index: 0, position: place.start, place: place.sizes };
    this.#checkpoint = this.#start;
  }

  /** Up to `length` bytes from `offset`; fewer only at the end of the file. @throws PortableError */
  async read(offset: bigint, length: number): Promise<Buffer> {
    const left = this.#size - offset;
    if (left <= 0n) return Buffer.alloc(0);
    const result = Buffer.allocUnsafe(left < BigInt(length) ? Number(left) : length);
    const blockSize = BigInt(this.#volume.superblock.blockSize);
    for (let filled = 0; filled < result.length;) {
      const at = offset + BigInt(filled);
      const index = Number(at / blockSize);
      const start = Number(at % blockSize);
      const inBlock = this.#bytesOfBlock(index);
      const step = Math.min(inBlock - start, result.length - filled);
      await this.#copy(index, inBlock, start, result.subarray(filled, filled + step));
      filled += step;
    }
    return result;
  }

  /** Bytes of the file in its block `index`: fewer than a whole block only in the last. */
  #bytesOfBlock(index: number): number {
    const { blockSize } = this.#volume.superblock;
    const left = this.#size - BigInt(index) * BigInt(blockSize);
    return left < BigInt(blockSize) ? Number(left) : blockSize;
  }

  async #copy(index: number, inBlock: number, start: number, target: Buffer): Promise<void> {
    const { data, superblock } = this.#volume;
    if (this.#fragment !== undefined && inBlock < superblock.blockSize) {
      const { address, offset } = await this.#fragmentBlock(this.#fragment, inBlock);
      await data.copy(address, offset + start, target.length, target);
    } else {
      await data.copy(await this.#block(index, inBlock), start, target.length, target);
    }
  }

  async #fragmentBlock(
    fragment: { readonly index: number; readonly offset: number },
    length: number,
  ): Promise<{ readonly address: BlockAddress; readonly offset: number }> {
    const { fragments, source, superblock } = this.#volume;
    const { index, offset } = fragment;
    if (fragments === undefined)
      throw corrupt(source.name, `a file is in fragment ${index}, and there are none`);
    if (offset + length > superblock.blockSize) {
      throw corrupt(source.name, `${length} bytes at ${offset} of fragment ${index} are more than a block`);
    }
    const { start, size } = fragmentLayout.parse(await fragments.entry(index));
    return { address: { position: start, word: size, length: undefined }, offset };
  }

  /** Walks the list of block sizes up to block `index`. */
  async #block(index: number, length: number): Promise<BlockAddress> {
    const { metadata, data, budget } = this.#volume;
    const from = index < this.#checkpoint.index ? this.#start : this.#checkpoint;
    const cursor = metadata.cursor(from.place.position, from.place.offset);
    let { position } = from;
    for (let i = from.index; i < index; i++) {
      const word = (cursor.tryRead(entryBytes) ?? (await cursor.read(entryBytes))).readUInt32LE(0);
      position += BigInt(data.storedSize({ position, word, length: undefined }));
      if (i % 1024 === 0) budget.checkTime();
    }
    this.#checkpoint = { index, position, place: cursor.place };
    return { position, word: (await cursor.read(entryBytes)).readUInt32LE(0), length };
  }
}
