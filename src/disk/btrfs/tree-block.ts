/** Blocks of trees: "On-disk Format", Header, Node, Leaf. */
import { type Key, compareKeys, keyText, readKey } from './key.ts';
import { maxLevel, sizeOf } from './format.ts';

/** Where a tree starts. */
export interface TreeRoot {
  /** Logical, bytes. */
  readonly address: bigint;
  /** What the block must say. */
  readonly generation: bigint;
  readonly level: number;
}

/** What the header must say, as it was written for that place in this file system. */
export interface Identity {
  readonly metadataId: Buffer;
  /** Logical, bytes. */
  readonly address: bigint;
}

/** A block whose checksum is right; its items or pointers lie inside it and are in order. */
export class TreeBlock {
  readonly address: bigint;
  readonly generation: bigint;
  /** The tree that it was written for; its snapshots share it. */
  readonly owner: bigint;
  /** 0: a leaf, which has items; else it has pointers to blocks of the level below. */
  readonly level: number;
  /** Of items or pointers. */
  readonly count: number;
  readonly #bytes: Buffer;
  readonly #stride: number;

  /** @throws BadBlock */
  constructor(bytes: Buffer, { metadataId, address }: Identity) {
    this.#bytes = bytes;
    this.address = bytes.readBigUInt64LE(0x30);
    this.generation = bytes.readBigUInt64LE(0x50);
    this.owner = bytes.readBigUInt64LE(0x58);
    this.count = bytes.readUInt32LE(0x60);
    this.level = bytes.readUInt8(0x64);
    if (!bytes.subarray(0x20, 0x30).equals(metadataId)) throw new BadBlock('is of another file system');
    if (this.address !== address) throw new BadBlock(`says that it is the one at ${this.address}`);
    if (this.level > maxLevel) throw new BadBlock(`says that it is of level ${this.level}`);
    this.#stride = this.level === 0 ? sizeOf.item : sizeOf.pointer;
    if (this.count > (bytes.length - sizeOf.header) / this.#stride) {
      throw new BadBlock(`has no room for the ${this.count} entries that it says it has`);
    }
    if (this.count === 0 && this.level > 0) throw new BadBlock('points to no others');
    this.#checkOrder();
    if (this.level === 0) this.#checkData();
  }

  key(slot: number): Key {
    return readKey(this.#bytes, this.#at(slot));
  }

  /** The slot of the last key that is not after `key`; −1 when all are. */
  floor(key: Key): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.key(middle), key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Where the block is that a slot of level 1 and more points to. */
  pointer(slot: number): Pick<TreeRoot, 'address' | 'generation'> {
    const at = this.#at(slot) + sizeOf.key;
    return {
      address: this.#bytes.readBigUInt64LE(at),
      generation: this.#bytes.readBigUInt64LE(at + 8),
    };
  }

  /** The data of an item of a leaf, which belongs to the block: not to be changed, nor handed out. */
  data(slot: number): Buffer {
    const { start, size } = this.#place(slot);
    return this.#bytes.subarray(start, start + size);
  }

  #at(slot: number): number {
    return sizeOf.header + slot * this.#stride;
  }

  /** Offsets count from the end of the header. */
  #place(slot: number): { readonly start: number; readonly size: number } {
    const at = this.#at(slot) + sizeOf.key;
    return { start: sizeOf.header + this.#bytes.readUInt32LE(at), size: this.#bytes.readUInt32LE(at + 4) };
  }

  #checkOrder(): void {
    for (let slot = 1; slot < this.count; slot++) {
      const [before, key] = [this.key(slot - 1), this.key(slot)];
      if (compareKeys(before, key) >= 0) {
        throw new BadBlock(`has the key ${keyText(key)} after ${keyText(before)}`);
      }
    }
  }

  /** The data of the items fill the block from its end, without gaps. */
  #checkData(): void {
    let end = this.#bytes.length;
    for (let slot = 0; slot < this.count; slot++) {
      const { start, size } = this.#place(slot);
      if (start + size !== end || start < this.#at(this.count)) {
        throw new BadBlock(`has item ${slot} at offset ${start}, ${size} bytes long`);
      }
      end = start;
    }
  }
}

/** Why a block cannot be used; the message fits after "the tree block at … ". */
export class BadBlock extends Error {
  override readonly name = 'BadBlock';
}
