/** The sequences section of a compressed block, RFC 8878 sections 3.1.1.3.2 and 3.1.1.5. */
import { CorruptBlock } from '../codec.ts';
import type { OutputBlock } from '../output-block.ts';
import { BackwardBits } from './bits.ts';
import { constantTable, FseState, fseTable, readFseTable } from './fse.ts';
import type { FseTable } from './fse.ts';

/** A code stands for a range of values: `base`, and `bits` more bits to add. */
interface Codes {
  readonly label: string;
  readonly base: readonly number[];
  readonly bits: readonly number[];
  readonly maxLog: number;
  readonly predefined: FseTable;
}

/** Ranges that follow each other without a gap. */
function ranges(first: number, bits: readonly number[]): Pick<Codes, 'base' | 'bits'> {
  const base: number[] = [];
  let value = first;
  for (const count of bits) {
    base.push(value);
    value += 2 ** count;
  }
  return { base, bits };
}

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

const literalLengths: Codes = {
  label: 'literal lengths',
  ...ranges(0, [...times(16, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
  maxLog: 9,
  predefined: fseTable({
    log: 6,
    counts: [4, 3, ...times(11, 2), 1, 1, 1, ...times(9, 2), 3, 2, ...times(5, 1), ...times(4, -1)],
  }),
};

const matchLengths: Codes = {
  label: 'match lengths',
  ...ranges(3, [...times(32, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
  maxLog: 9,
  predefined: fseTable({
    log: 6,
    counts: [1, 4, 3, ...times(6, 2), ...times(37, 1), ...times(7, -1)],
  }),
};

/** A code of n is a value from 2^n on; up to 2^31 is more than any window. */
const offsets: Codes = {
  label: 'offsets',
  ...ranges(
    1,
    Array.from({ length: 32 }, (_, i) => i),
  ),
  maxLog: 8,
  predefined: fseTable({
    log: 5,
    counts: [...times(6, 1), 2, 2, 2, ...times(15, 1), ...times(5, -1)],
  }),
};

/** What the blocks of a frame pass on. */
export interface SequenceMemory {
  readonly literalLengths?: FseTable;
  readonly offsets?: FseTable;
  readonly matchLengths?: FseTable;
}

/** The last three offsets, which sequences can refer to; changed by each. */
export type RecentOffsets = [number, number, number];

/** How a table is given: bits of the section's second header byte. */
const predefinedMode = 0;
const constantMode = 1;
const storedMode = 2;

/**
 * Reads the section that `section` consists of, and carries its sequences out: each copies some literals, and then
 * a match. The literals that are left come last.
 * @returns the tables used
 * @throws CorruptBlock
 */
export function runSequences(
  section: Buffer,
  literals: Buffer,
  memory: SequenceMemory,
  recent: RecentOffsets,
  output: OutputBlock,
): SequenceMemory {
  const { count, length } = readCount(section);
  if (count === 0) {
    if (length !== section.length) throw new CorruptBlock('bytes follow a block without sequences');
    output.literals(literals, 0, literals.length);
    return memory;
  }
  const modes = section[length] ?? 0;
  if ((modes & 3) !== 0)
    throw new CorruptBlock(`a block's compression modes 0x${modes.toString(16)} have reserved bits set`);
  let at = length + 1;
  const table = (codes: Codes, mode: number, before: FseTable | undefined): FseTable => {
    const read = readTable(codes, mode, before, section.subarray(at));
    at += read.length;
    return read.table;
  };
  const tables = {
    literalLengths: table(literalLengths, modes >>> 6, memory.literalLengths),
    offsets: table(offsets, (modes >>> 4) & 3, memory.offsets),
    matchLengths: table(matchLengths, (modes >>> 2) & 3, memory.matchLengths),
  };
  const used = decode(section.subarray(at), count, tables, literals, recent, output);
  output.literals(literals, used, literals.length - used);
  return tables;
}

function readCount(section: Buffer): { readonly count: number; readonly length: number } {
  const [first, second = 0, third = 0] = section;
  if (first === undefined) throw new CorruptBlock('a block has no sequences section');
  if (first < 128) return { count: first, length: 1 };
  if (first < 255) return { count: ((first - 128) << 8) + second, length: 2 };
  return { count: second + (third << 8) + 0x7f00, length: 3 };
}

function readTable(
  codes: Codes,
  mode: number,
  before: FseTable | undefined,
  bytes: Buffer,
): { readonly table: FseTable; readonly length: number } {
  switch (mode) {
    case predefinedMode:
      return { table: codes.predefined, length: 0 };
    case constantMode: {
      const [symbol = codes.base.length] = bytes;
      if (symbol >= codes.base.length) throw new CorruptBlock(`a wrong code for ${codes.label}`);
      return { table: constantTable(symbol), length: 1 };
    }
    case storedMode:
      return readFseTable(bytes, codes.maxLog, codes.base.length - 1);
    default:
      if (before === undefined)
        throw new CorruptBlock(`it needs a table for ${codes.label} that there is not`);
      return { table: before, length: 0 };
  }
}

/** @returns how many literals were used */
function decode(
  stream: Buffer,
  count: number,
  tables: Required<SequenceMemory>,
  literals: Buffer,
  recent: RecentOffsets,
  output: OutputBlock,
): number {
  const bits = new BackwardBits(stream);
  const literalState = new FseState(tables.literalLengths, bits);
  const offsetState = new FseState(tables.offsets, bits);
  const matchState = new FseState(tables.matchLengths, bits);
  let used = 0;
  for (let i = 0; i < count && !output.done(); i++) {
    const offsetValue = value(offsets, offsetState.symbol, bits);
    const matchLength = value(matchLengths, matchState.symbol, bits);
    const literalLength = value(literalLengths, literalState.symbol, bits);
    if (i < count - 1) {
      literalState.advance(bits);
      matchState.advance(bits);
      offsetState.advance(bits);
    }
    if (bits.left < 0) throw new CorruptBlock('its sequences are cut off');
    output.literals(literals, used, literalLength);
    used += literalLength;
    if (output.done()) break;
    output.match(offset(recent, offsetValue, literalLength), matchLength);
  }
  if (bits.left !== 0 && !output.done()) throw new CorruptBlock('its sequences do not end where they should');
  return Math.min(used, literals.length);
}

function value(codes: Codes, code: number, bits: BackwardBits): number {
  return (codes.base[code] ?? 0) + bits.read(codes.bits[code] ?? 0);
}

/**
 * The offset that a value means: up to 3, one of the recent ones (the next one when there are no literals before
 * the match, since the first would have made the match before longer); above, itself less 3.
 */
function offset(recent: RecentOffsets, stored: number, literalLength: number): number {
  const [first, second, third] = recent;
  if (stored > 3) {
    const fresh = stored - 3;
    recent[0] = fresh;
    recent[1] = first;
    recent[2] = second;
    return fresh;
  }
  const which = stored + (literalLength === 0 ? 1 : 0);
  if (which === 1) return first;
  const chosen = which === 2 ? second : which === 3 ? third : first - 1;
  if (which > 2) recent[2] = second;
  recent[1] = first;
  recent[0] = chosen;
  return chosen;
}
