/**
 * The LZMA decoder that .lzma, LZMA2 (xz) and MicroLZMA share. It decodes straight into the output buffer,
 * which serves as the dictionary too: blocks are at most a few MiB, and no further memory is needed.
 * Format: "LZMA specification" (7-zip.org/sdk.html, lzma-specification.txt).
 */
import { CorruptBlock } from '../codec.ts';
import { evenChance } from './range-decoder.ts';
import type { RangeDecoder } from './range-decoder.ts';

/** The three numbers in LZMA's properties byte: literal context bits, literal position bits, position bits. */
export interface LzmaProperties {
  readonly lc: number;
  readonly lp: number;
  readonly pb: number;
}

/** Splits a properties byte. @throws CorruptBlock when it is not one */
export function lzmaProperties(byte: number): LzmaProperties {
  if (byte >= 9 * 5 * 5) throw new CorruptBlock(`${byte} is not an LZMA properties byte`);
  return { lc: byte % 9, lp: Math.floor(byte / 9) % 5, pb: Math.floor(byte / 45) };
}

// Where each set of probabilities starts in the one array that holds them all.
const isMatch = 0; // 12 states × 16 position states
const isRep = isMatch + 12 * 16;
const isRep0 = isRep + 12;
const isRep1 = isRep0 + 12;
const isRep2 = isRep1 + 12;
const isRep0Long = isRep2 + 12;
const distanceSlot = isRep0Long + 12 * 16; // 4 length classes × 64 slots
const distanceSpecial = distanceSlot + 4 * 64; // slots 4–13
const distanceAlign = distanceSpecial + 128;
const matchLength = distanceAlign + 16;
const lengthModel = 2 + 16 * 8 + 16 * 8 + 256; // two choices, low, middle, high
const repeatLength = matchLength + lengthModel;
const literals = repeatLength + lengthModel;

/** The shortest match. */
const minMatch = 2;
/** The distance that means "end of data". */
const endDistance = 0xffffffff;

export class LzmaDecoder {
  readonly output: Uint8Array;
  /** Bytes of output so far. */
  position = 0;
  readonly #range: RangeDecoder;
  #probabilities = new Uint16Array(0);
  #lc = 0;
  #literalMask = 0;
  #positionMask = 0;
  /** What the last symbols were, 0–11: below 7, the last was a literal. */
  #state = 0;
  /** The last four distances, less one each. */
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;
  /** Bytes of a match still to be copied, when it went beyond the limit of the last run. */
  #pending = 0;
  /** Matches may not reach before this. */
  #dictionaryStart = 0;

  constructor(range: RangeDecoder, output: Uint8Array) {
    this.#range = range;
    this.output = output;
  }

  /** Forgets all that was learnt. With `properties`, the model's shape changes as well. */
  resetState(properties?: LzmaProperties): void {
    if (properties !== undefined) {
      this.#lc = properties.lc;
      this.#literalMask = (1 << properties.lp) - 1;
      this.#positionMask = (1 << properties.pb) - 1;
      const size = literals + (0x300 << (properties.lc + properties.lp));
      if (this.#probabilities.length !== size) this.#probabilities = new Uint16Array(size);
    }
    this.#probabilities.fill(evenChance);
    this.#state = 0;
    this.#rep0 = this.#rep1 = this.#rep2 = this.#rep3 = 0;
    this.#pending = 0;
  }

  /** Matches may not reach before the present position. */
  resetDictionary(): void {
    this.#dictionaryStart = this.position;
  }

  /** Whether no match is left half copied. */
  get settled(): boolean {
    return this.#pending === 0;
  }

  /** Takes over bytes that are stored uncompressed; the caller sees to it that there is room. */
  copyIn(bytes: Uint8Array): void {
    this.output.set(bytes, this.position);
    this.position += bytes.length;
  }

  /**
   * Decodes until `limit` bytes of output are there.
   * @returns false when the end marker came before
   * @throws CorruptBlock
   */
  run(limit: number): boolean {
    if (limit <= this.position || !this.#copyMatch(limit)) return true;
    while (this.position < limit) {
      const positionState = (this.position - this.#dictionaryStart) & this.#positionMask;
      if (this.#range.bit(this.#probabilities, isMatch + (this.#state << 4) + positionState) === 0) {
        this.#literal();
      } else {
        const length = this.#match(positionState);
        if (length === 0) return false;
        this.#pending = length;
        this.#copyMatch(limit);
      }
      if (this.#range.overrun) throw new CorruptBlock('it is cut off');
    }
    return true;
  }

  #literal(): void {
    const { output } = this;
    const previous = this.position > this.#dictionaryStart ? (output[this.position - 1] ?? 0) : 0;
    const place = (this.position - this.#dictionaryStart) & this.#literalMask;
    const context = (place << this.#lc) + (previous >>> (8 - this.#lc));
    const base = literals + 0x300 * context;
    const range = this.#range;
    const probabilities = this.#probabilities;
    let symbol = 1;
    if (this.#state >= 7) {
      // after a match: the byte that would have continued it takes part in the context, as long as it agrees
      let expected = output[this.position - this.#rep0 - 1] ?? 0;
      while (symbol < 0x100) {
        expected <<= 1;
        const expectedBit = expected & 0x100;
        const bit = range.bit(probabilities, base + 0x100 + expectedBit + symbol);
        symbol = (symbol << 1) | bit;
        if (expectedBit >>> 8 !== bit) break;
      }
    }
    output[this.position++] = range.treeFrom(probabilities, base, symbol, 0x100);
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6;
  }

  /** Decodes length and distance of a match; the distance goes to rep0. Length 0 is the end marker. */
  #match(positionState: number): number {
    const range = this.#range;
    const probabilities = this.#probabilities;
    const state = this.#state;
    if (range.bit(probabilities, isRep + state) === 0) {
      const length = this.#length(matchLength, positionState);
      const distance = this.#distance(length);
      if (distance === endDistance) return 0;
      this.#rep3 = this.#rep2;
      this.#rep2 = this.#rep1;
      this.#rep1 = this.#rep0;
      this.#rep0 = distance;
      this.#state = state < 7 ? 7 : 10;
      return this.#checked(length);
    }
    if (range.bit(probabilities, isRep0 + state) === 0) {
      if (range.bit(probabilities, isRep0Long + (state << 4) + positionState) === 0) {
        this.#state = state < 7 ? 9 : 11;
        return this.#checked(1);
      }
    } else {
      this.#rotateDistances(state);
    }
    this.#state = state < 7 ? 8 : 11;
    return this.#checked(this.#length(repeatLength, positionState));
  }

  /** Brings one of the older distances to the front. */
  #rotateDistances(state: number): void {
    let distance = this.#rep1;
    if (this.#range.bit(this.#probabilities, isRep1 + state) === 1) {
      distance = this.#rep2;
      if (this.#range.bit(this.#probabilities, isRep2 + state) === 1) {
        distance = this.#rep3;
        this.#rep3 = this.#rep2;
      }
      this.#rep2 = this.#rep1;
    }
    this.#rep1 = this.#rep0;
    this.#rep0 = distance;
  }

  #checked(length: number): number {
    if (this.#rep0 >= this.position - this.#dictionaryStart) {
      throw new CorruptBlock(`a match at ${this.position} reaches before the start of the data`);
    }
    return length;
  }

  #length(model: number, positionState: number): number {
    const range = this.#range;
    const probabilities = this.#probabilities;
    if (range.bit(probabilities, model) === 0) {
      return minMatch + range.tree(probabilities, model + 2 + (positionState << 3), 3);
    }
    if (range.bit(probabilities, model + 1) === 0) {
      return minMatch + 8 + range.tree(probabilities, model + 130 + (positionState << 3), 3);
    }
    return minMatch + 16 + range.tree(probabilities, model + 258, 8);
  }

  #distance(length: number): number {
    const range = this.#range;
    const probabilities = this.#probabilities;
    const lengthClass = Math.min(length - minMatch, 3);
    const slot = range.tree(probabilities, distanceSlot + (lengthClass << 6), 6);
    if (slot < 4) return slot;
    const lowBits = (slot >>> 1) - 1;
    const high = ((2 | (slot & 1)) << lowBits) >>> 0;
    if (slot < 14) return high + range.reverseTree(probabilities, distanceSpecial + high - slot, lowBits);
    const middle = range.direct(lowBits - 4) * 16;
    return high + middle + range.reverseTree(probabilities, distanceAlign, 4);
  }

  /** Copies what is pending of a match. @returns whether all of it fitted below `limit` */
  #copyMatch(limit: number): boolean {
    const { output } = this;
    let to = this.position;
    let from = to - this.#rep0 - 1;
    const end = Math.min(to + this.#pending, limit);
    this.#pending -= end - to;
    // byte by byte: source and destination overlap in most short-distance matches
    while (to < end) output[to++] = output[from++] ?? 0;
    this.position = to;
    return this.#pending === 0;
  }
}
