/**
 * Files with holes, in the three ways that GNU tar stores them (GNU tar manual, "Storing Sparse Files"): a map in the
 * header and in blocks after it (old GNU), in an extended header (pax 0.0 and 0.1), or before the data (pax 1.0).
 */
import { CorruptTar } from './errors.ts';
import { number, padding } from './header.ts';
import { paxNumber } from './pax.ts';
import type { PaxHeader } from './pax.ts';

/** A piece of a file that is not a hole. Bytes. */
export interface Extent {
  /** Where it is in the file. */
  readonly at: number;
  readonly length: number;
  /** Where its bytes are in the archive. */
  readonly start: number;
}

/** What a sparse file really is. */
export interface SparseFile {
  /** Bytes, holes included. */
  readonly size: number;
  /** In order, without overlaps. */
  readonly extents: readonly Extent[];
}

/** Reads exactly `length` bytes of the archive at `offset`. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** No file has more pieces. */
const maxExtents = 100_000;

/** [at, length] of each piece. */
type Pairs = readonly number[];

/**
 * The map of a file of type "S", and where its data starts.
 * @param block the header
 * @param start where what follows the header starts
 * @param size bytes of data in the archive
 */
export async function gnuSparse(
  block: Buffer,
  start: number,
  size: number,
  read: ReadAt,
): Promise<{ file: SparseFile; dataStart: number }> {
  const realSize = number(block, [483, 495], 'real size');
  const pairs: number[] = readPairs(block, 386, 4);
  let more = block[482] !== 0;
  let at = start;
  while (more) {
    const extension = await read(at, 512);
    pairs.push(...readPairs(extension, 0, 21));
    if (pairs.length > 2 * maxExtents) throw tooMany();
    more = extension[504] !== 0;
    at += 512;
  }
  return { file: sparseFile(pairs, realSize, at, size), dataStart: at };
}

/** 12-digit offsets and lengths, up to an empty one. */
function readPairs(block: Buffer, start: number, count: number): number[] {
  const pairs: number[] = [];
  for (let at = start; at < start + 24 * count; at += 24) {
    if (block[at] === 0 && block[at + 12] === 0) break;
    pairs.push(number(block, [at, at + 12], 'map'), number(block, [at + 12, at + 24], 'map'));
  }
  return pairs;
}

/**
 * What an extended header says of holes; undefined when the file has none.
 * @param start where the entry's data starts in the archive
 * @param size bytes of data in the archive, the map of format 1.0 included
 */
export async function paxSparse(
  { records, sparsePairs }: PaxHeader,
  start: number,
  size: number,
  read: ReadAt,
): Promise<SparseFile | undefined> {
  if (records.get('GNU.sparse.major')?.toString() === '1') {
    const realSize = paxNumber(records.get('GNU.sparse.realsize') ?? Buffer.alloc(0), 'GNU.sparse.realsize');
    const { pairs, length } = await readMap(start, size, read);
    return sparseFile(pairs, realSize, start + length, size - length);
  }
  const realSize = records.get('GNU.sparse.size');
  if (realSize === undefined) return undefined;
  const map = records.get('GNU.sparse.map');
  const pairs =
    map === undefined || map.length === 0
      ? sparsePairs
      : map
          .toString('latin1')
          .split(',')
          .map((digits) => paxNumber(Buffer.from(digits), 'GNU.sparse.map'));
  return sparseFile(pairs, paxNumber(realSize, 'GNU.sparse.size'), start, size);
}

/** The map of format 1.0: the number of pieces and their offsets and lengths as lines, padded to 512 bytes. */
async function readMap(start: number, size: number, read: ReadAt): Promise<{ pairs: Pairs; length: number }> {
  const numbers: number[] = [];
  let line = '';
  for (let length = 0; length < size;) {
    const block = await read(start + length, Math.min(512, size - length));
    length += block.length;
    for (const byte of block) {
      if (byte !== 0x0a) {
        line += String.fromCharCode(byte);
        if (line.length > 16) throw new CorruptTar('has a malformed map of holes');
        continue;
      }
      numbers.push(paxNumber(Buffer.from(line), 'map of holes'));
      line = '';
      const count = numbers[0] ?? 0;
      if (count > maxExtents) throw tooMany();
      if (numbers.length === 1 + 2 * count) return { pairs: numbers.slice(1), length };
    }
  }
  throw new CorruptTar('has a map of holes that does not end');
}

/** @throws CorruptTar unless the pieces are in order, inside the file, and as much as there is data */
function sparseFile(pairs: Pairs, size: number, start: number, stored: number): SparseFile {
  if (pairs.length % 2 !== 0 || pairs.length > 2 * maxExtents) throw tooMany();
  const extents: Extent[] = [];
  let end = 0;
  let used = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    const at = pairs[i] ?? 0;
    const length = pairs[i + 1] ?? 0;
    if (at < end || at + length > size)
      throw new CorruptTar('has a map of holes that overlaps or leaves the file');
    if (length > 0) extents.push({ at, length, start: start + used });
    end = at + length;
    used += length;
  }
  if (used > stored || padding(stored) + stored < used) {
    throw new CorruptTar('has less data than its map of holes says');
  }
  return { size, extents };
}

function tooMany(): CorruptTar {
  return new CorruptTar(`has a map of holes with more than ${maxExtents} pieces`);
}
