/** Huffman coding of literals, RFC 8878 section 4.2. */
import { CorruptBlock } from '../codec.ts';
import { BackwardBits } from './bits.ts';
import { FseState, readFseTable } from './fse.ts';

/** Longest code. */
const maxBits = 11;
/** Symbols are bytes; the weight of the last one follows from the others. */
const maxWeights = 255;
/** Weights are coded with at most 2^6 states. */
const maxWeightLog = 6;

/** By the next `bits` bits of the stream: the length of the code that they start with, times 256, plus its symbol. */
export interface HuffmanTable {
  readonly bits: number;
  readonly codes: Uint16Array;
}

/** Reads the description at the start of `bytes`. @returns the table, and the description's length @throws CorruptBlock */
export function readHuffmanTable(bytes: Buffer): { readonly table: HuffmanTable; readonly length: number } {
  const header = bytes[0];
  if (header === undefined) throw new CorruptBlock('a Huffman table is cut off');
  if (header >= 128) {
    const count = header - 127;
    const length = 1 + ((count + 1) >>> 1);
    if (length > bytes.length) throw new CorruptBlock('a Huffman table is cut off');
    const weights = Array.from({ length: count }, (_, i) => {
      const pair = bytes[1 + (i >>> 1)] ?? 0;
      return i % 2 === 0 ? pair >>> 4 : pair & 15;
    });
    return { table: huffmanTable(weights), length };
  }
  const length = 1 + header;
  if (length > bytes.length) throw new CorruptBlock('a Huffman table is cut off');
  return { table: huffmanTable(compressedWeights(bytes.subarray(1, length))), length };
}

/** Two decoders take turns, until the bits are used up; then each still has the symbol of its state. */
function compressedWeights(bytes: Buffer): number[] {
  const { table, length } = readFseTable(bytes, maxWeightLog, maxBits + 1);
  const bits = new BackwardBits(bytes.subarray(length));
  let current = new FseState(table, bits);
  let other = new FseState(table, bits);
  if (bits.left < 0) throw new CorruptBlock('the weights of a Huffman table are cut off');
  const weights: number[] = [];
  for (;;) {
    weights.push(current.symbol);
    current.advance(bits);
    if (bits.left < 0) break;
    if (weights.length >= maxWeights) throw new CorruptBlock('a Huffman table has too many weights');
    [current, other] = [other, current];
  }
  weights.push(other.symbol);
  return weights;
}

/** A symbol of weight w > 0 has 2^(w-1) of the codes; the last symbol has what is left to a power of two. */
function huffmanTable(weights: readonly number[]): HuffmanTable {
  let used = 0;
  for (const weight of weights) {
    if (weight > maxBits + 1) throw new CorruptBlock(`a Huffman weight of ${weight}`);
    if (weight > 0) used += 1 << (weight - 1);
  }
  if (used === 0 || weights.length > maxWeights) throw new CorruptBlock('a Huffman table has wrong weights');
  const bits = 32 - Math.clz32(used);
  if (bits > maxBits) throw new CorruptBlock(`a Huffman code of ${bits} bits`);
  const left = (1 << bits) - used;
  if ((left & (left - 1)) !== 0) throw new CorruptBlock('the weights of a Huffman table do not add up');
  const all = [...weights, 32 - Math.clz32(left)];
  const codes = new Uint16Array(1 << bits);
  let at = 0;
  // the smallest weights, with the longest codes, come first
  for (let weight = 1; weight <= bits; weight++) {
    all.forEach((of, symbol) => {
      if (of !== weight) return;
      const count = 1 << (weight - 1);
      codes.fill(((bits + 1 - weight) << 8) | symbol, at, at + count);
      at += count;
    });
  }
  return { bits, codes };
}

/** Decodes one stream into `target`, which it must fill exactly. @throws CorruptBlock */
export function decodeStream(table: HuffmanTable, stream: Buffer, target: Buffer): void {
  const bits = new BackwardBits(stream);
  const { codes } = table;
  for (let i = 0; i < target.length; i++) {
    const code = codes[bits.peek(table.bits)] ?? 0;
    bits.skip(code >>> 8);
    target[i] = code & 0xff;
  }
  if (bits.left !== 0) throw new CorruptBlock('a stream of literals does not end where it should');
}
