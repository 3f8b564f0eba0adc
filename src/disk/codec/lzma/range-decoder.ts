/**
 * The adaptive binary range decoder of LZMA: one bit at a time, each with a probability that learns.
 * Format: "LZMA specification" (7-zip.org/sdk.html, lzma-specification.txt), section "Range Decoder".
 */
import { CorruptBlock } from '../codec.ts';

/** Where every probability starts: one half, in 11 bits. */
export const evenChance = 1 << 10;

/** Probabilities move 1/32 of the way at each bit. */
const adaptShift = 5;

/** Reads bits from `input`. `range` and `code` are 32 bits, kept as signed integers since those are the fastest. */
export class RangeDecoder {
  readonly #input: Uint8Array;
  #position = 0;
  #end = 0;
  #range = 0;
  #code = 0;

  constructor(input: Uint8Array) {
    this.#input = input;
  }

  /** Whether more bytes were asked for than there are; what it gave since then is made up. */
  get overrun(): boolean {
    return this.#position > this.#end;
  }

  /** Whether all input is used up and the code is zero, as an encoder leaves it. */
  finish(): boolean {
    if ((this.#range & 0xff000000) === 0) this.#normalize();
    return this.#position === this.#end && this.#code === 0;
  }

  /**
   * Starts on the input bytes [start, end): a first byte that the format fixes to 0, then four of code.
   * @param firstByte what to take the first byte for (MicroLZMA stores something else there)
   * @throws CorruptBlock
   */
  start(start: number, end: number, firstByte = this.#input[start]): void {
    if (end - start < 5) throw new CorruptBlock('its range coder is cut off');
    if (firstByte !== 0) throw new CorruptBlock('its range coder does not start with a zero byte');
    this.#position = start + 1;
    this.#end = end;
    this.#range = -1;
    this.#code = 0;
    for (let i = 0; i < 4; i++) this.#code = (this.#code << 8) | this.#nextByte();
  }

  /** One bit, with the probability at `index` of `probabilities`. */
  bit(probabilities: Uint16Array, index: number): number {
    if ((this.#range & 0xff000000) === 0) this.#normalize();
    const probability = probabilities[index] ?? 0;
    const bound = Math.imul(this.#range >>> 11, probability);
    if (this.#code >>> 0 < bound >>> 0) {
      this.#range = bound;
      probabilities[index] = probability + ((2048 - probability) >>> adaptShift);
      return 0;
    }
    this.#range = (this.#range - bound) | 0;
    this.#code = (this.#code - bound) | 0;
    probabilities[index] = probability - (probability >>> adaptShift);
    return 1;
  }

  /** `count` bits, highest first, from the tree of probabilities at `base`. */
  tree(probabilities: Uint16Array, base: number, count: number): number {
    return this.treeFrom(probabilities, base, 1, 1 << count) - (1 << count);
  }

  /**
   * Goes down the tree of probabilities at `base` from `node`, until the node number reaches `end`. Most of the
   * time of decoding is spent here, hence the local copies of the decoder's state.
   */
  treeFrom(probabilities: Uint16Array, base: number, node: number, end: number): number {
    let range = this.#range;
    let code = this.#code;
    while (node < end) {
      if ((range & 0xff000000) === 0) {
        range <<= 8;
        code = (code << 8) | this.#nextByte();
      }
      const probability = probabilities[base + node] ?? 0;
      const bound = Math.imul(range >>> 11, probability);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probabilities[base + node] = probability + ((2048 - probability) >>> adaptShift);
        node <<= 1;
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probabilities[base + node] = probability - (probability >>> adaptShift);
        node = (node << 1) | 1;
      }
    }
    this.#range = range;
    this.#code = code;
    return node;
  }

  /** `count` bits, lowest first, from the tree of probabilities at `base`. */
  reverseTree(probabilities: Uint16Array, base: number, count: number): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < count; i++) {
      const bit = this.bit(probabilities, base + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  /** `count` bits of equal chances, highest first. */
  direct(count: number): number {
    let range = this.#range;
    let code = this.#code;
    let value = 0;
    for (let i = 0; i < count; i++) {
      if ((range & 0xff000000) === 0) {
        range <<= 8;
        code = (code << 8) | this.#nextByte();
      }
      range >>>= 1;
      const one = code >>> 0 >= range ? 1 : 0;
      if (one === 1) code = (code - range) | 0;
      value = (value << 1) | one;
    }
    this.#range = range;
    this.#code = code;
    return value >>> 0;
  }

  #normalize(): void {
    this.#range <<= 8;
    this.#code = (this.#code << 8) | this.#nextByte();
  }

  #nextByte(): number {
    return this.#input[this.#position++] ?? 0;
  }
}
