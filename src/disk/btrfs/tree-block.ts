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

/** A block as it is stored. Before anything else is asked of it, it has to have no `problem`. */
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

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.address = bytes.readBigUInt64LE(0x30);
    this.generation = bytes.readBigUInt64LE(0x50);
    this.owner = bytes.readBigUInt64LE(0x58);
    this.count = bytes.readUInt32LE(0x60);
    this.level = bytes.readUInt8(0x64);
    this.#stride = this.level === 0 ? sizeOf.item : sizeOf.pointer;
  }

  /**
   * What is wrong with it, as it fits after "the tree block at … ": it is not what it should be, or its items or pointers do
   * not lie inside it, in order.
   */
  problem({ metadataId, address }: Identity): string | undefined {
    if (!this.#bytes.subarray(0x20, 0x30).equals(metadataId)) return 'is of another file system';
    if (this.address !== address) return `says that it is the one at ${this.address}`;
    if (this.level > maxLevel) return `says that it is of level ${this.level}`;
    if (this.count > (this.#bytes.length - sizeOf.header) / this.#stride) {
      return `has no room for the ${this.count} entries that it says it has`;
    }
    if (this.count === 0 && this.level > 0) return 'points to no others';
    return this.#disorder() ?? (this.level === 0 ? this.#misplaced() : undefined);
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

  #disorder(): string | undefined {
    for (let slot = 1; slot < this.count; slot++) {
      const [before, key] = [this.key(slot - 1), this.key(slot)];
      if (compareKeys(before, key) >= 0) return `has the key ${keyText(key)} after ${keyText(before)}`;
    }
    return undefined;
  }

  /** The data of the items fill the block from its end, without gaps. */
  #misplaced(): string | undefined {
    let end = this.#bytes.length;
    for (let slot = 0; slot < this.count; slot++) {
      const { start, size } = this.#place(slot);
      if (start + size !== end || start < this.#at(this.count)) {
        return `has item ${slot} at offset ${start}, ${size} bytes long`;
      }
      end = start;
    }
    return undefined;
  }
}
