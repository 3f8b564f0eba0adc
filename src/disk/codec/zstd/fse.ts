/** Finite state entropy decoding tables, RFC 8878 section 4.1.1. */
import { CorruptBlock } from '../codec.ts';
import type { BackwardBits } from './bits.ts';
import { bitsAt } from './bits.ts';

/** For each state: its symbol, and the next state: `base` plus as many bits as `bits` says. */
export interface FseTable {
  /** The table has 2^log states. */
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
}

/** Where a symbol's chance is less than one state: it has one all the same, and resets the state. */
const lessThanOne = -1;

/** How many states each symbol has. */
interface Distribution {
  readonly log: number;
  readonly counts: readonly number[];
}

/**
 * Reads a distribution from the start of `bytes`, and makes the table of it.
 * @returns the table, and how many bytes the distribution takes
 * @throws CorruptBlock
 */
export function readFseTable(
  bytes: Buffer,
  maxLog: number,
  maxSymbol: number,
): { readonly table: FseTable; readonly length: number } {
  const log = bitsAt(bytes, 0, 4) + 5;
  if (log > maxLog) throw new CorruptBlock(`a table of 2^${log} states, more than 2^${maxLog}`);
  const counts: number[] = [];
  let at = 4;
  for (let left = 1 << log; left > 0;) {
    if (counts.length > maxSymbol) throw new CorruptBlock('a distribution has too many symbols');
    const { value, length } = readCount(bytes, at, left);
    at += length;
    // stored one higher, to make room for "less than one"
    const count = value - 1;
    left -= Math.abs(count);
    counts.push(count);
    if (count !== 0) continue;
    // zeros are followed by how many more there are
    for (let more = 3; more === 3;) {
      more = bitsAt(bytes, at, 2);
      at += 2;
      for (let i = 0; i < more; i++) counts.push(0);
      if (counts.length > maxSymbol + 1) throw new CorruptBlock('a distribution has too many symbols');
    }
  }
  const length = (at + 7) >>> 3;
  if (length > bytes.length) throw new CorruptBlock('a distribution is cut off');
  return { table: fseTable({ log, counts }), length };
}

/**
 * A number from 0 to `left` + 1. The lower values take one bit less than the others, as many as there is room for.
 */
function readCount(
  bytes: Buffer,
  at: number,
  left: number,
): { readonly value: number; readonly length: number } {
  const most = left + 1;
  const length = 32 - Math.clz32(most);
  const short = (1 << length) - 1 - most;
  const value = bitsAt(bytes, at, length);
  const low = value & ((1 << (length - 1)) - 1);
  if (low < short) return { value: low, length: length - 1 };
  return { value: value < 1 << (length - 1) ? value : value - short, length };
}

/** The table of a distribution whose counts add up to 2^log. */
export function fseTable({ log, counts }: Distribution): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  // the rarest symbols have the last states
  let end = size;
  counts.forEach((count, symbol) => {
    if (count === lessThanOne) symbols[--end] = symbol;
  });
  spread(counts, symbols, end);
  const next = counts.map((count) => (count === lessThanOne ? 1 : count));
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] ?? 0;
    const number = next[symbol] ?? 0;
    next[symbol] = number + 1;
    const stateBits = log - (31 - Math.clz32(number));
    bits[state] = stateBits;
    base[state] = (number << stateBits) - size;
  }
  return { log, symbols, bits, base };
}

/** Distributes the states below `end` evenly: each symbol's go to every so-manieth place. */
function spread(counts: readonly number[], symbols: Uint8Array, end: number): void {
  const size = symbols.length;
  const step = (size >>> 1) + (size >>> 3) + 3;
  let state = 0;
  counts.forEach((count, symbol) => {
    for (let i = 0; i < count; i++) {
      symbols[state] = symbol;
      do state = (state + step) & (size - 1);
      while (state >= end);
    }
  });
}

/** The table that always gives one symbol, without reading a bit. */
export function constantTable(symbol: number): FseTable {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), base: new Uint16Array(1) };
}

/** A decoder in one of its states. */
export class FseState {
  readonly #table: FseTable;
  #state: number;

  constructor(table: FseTable, bits: BackwardBits) {
    this.#table = table;
    this.#state = bits.read(table.log);
  }

  get symbol(): number {
    return this.#table.symbols[this.#state] ?? 0;
  }

  advance(bits: BackwardBits): void {
    const { base, bits: counts } = this.#table;
    this.#state = (base[this.#state] ?? 0) + bits.read(counts[this.#state] ?? 0);
  }
}
