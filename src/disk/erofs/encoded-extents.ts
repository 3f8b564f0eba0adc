/**
 * Extents that are recorded as such ("encoded extents", with 48-bit block addresses): struct z_erofs_extent and
 * its shorter forms, https://lore.kernel.org/r/20250310095459.2620647-8-hsiangkao@linux.alibaba.com
 */
import { corrupt } from './errors.ts';
import type { ExtentMap } from './compression-map.ts';
import type { Extent, ExtentData } from './extent.ts';
import type { Inode } from './inode.ts';

/** One record. */
interface ExtentRecord {
  /** Length, algorithm and flags; of the fragment tail, where it is in the packed inode. */
  readonly plen: number;
  /** Bytes from the start of the image. */
  readonly position: bigint;
}

/** The low bits of plen are the length in bytes; bits 28 and up the algorithm plus one, 0 for stored. */
const lengthMask = 0x1f_ffff;
const algorithmShift = 28;

/** Records of 4 bytes read at once. */
const batch = 256;

/**
 * Finds the extent that the byte at an offset of the content is in.
 * @param blockSize bytes
 */
export function encodedExtents(
  map: ExtentMap,
  inode: Inode,
  blockSize: number,
): (offset: bigint) => Promise<Extent> {
  const table = recordTable(map, inode);
  const toExtent = (record: ExtentRecord, start: bigint, end: bigint): Extent => {
    const isTail = end === inode.size;
    const data = isTail && map.fragmentTail ? fragmentOf(map, record) : dataOf(map, record, blockSize);
    return { start, end, data };
  };
  if (map.recordSize > 8) {
    return async (offset) => {
      const found = await searchRecord(map, inode, table, offset);
      return toExtent(found.record, found.start, found.end);
    };
  }
  const record = map.recordSize === 4 ? lengthsOnly(map, inode, table) : lengthAndPosition(map, inode, table);
  return async (offset) => {
    const n = offset / map.extentSize;
    const start = n * map.extentSize;
    const end = start + map.extentSize;
    return toExtent(await record(n), start, end < inode.size ? end : inode.size);
  };
}

/** Where the records are. */
interface RecordTable {
  readonly start: bigint;
  readonly count: bigint;
}

/** @throws PortableError InvalidArgs when the records would not fit into the image */
function recordTable(map: ExtentMap, inode: Inode): RecordTable {
  const size = BigInt(map.recordSize);
  // 4-byte records follow the position of the first extent
  const start = map.recordSize === 4 ? map.start + 8n : map.start + ((size - (map.start % size)) % size);
  const count = map.recordSize > 8 ? map.count : (inode.size + map.extentSize - 1n) / map.extentSize;
  if (count === 0n || start + count * size > inode.space.size) {
    throw corrupt(inode.space.name, `inode ${inode.node} cannot have ${count} extents`);
  }
  return { start, count };
}

/** Records of 8 bytes: length, position. */
function lengthAndPosition(
  map: ExtentMap,
  inode: Inode,
  table: RecordTable,
): (n: bigint) => Promise<ExtentRecord> {
  return async (n) => {
    const bytes = await inode.space.read(table.start + n * BigInt(map.recordSize), map.recordSize);
    return { plen: bytes.readUInt32LE(0), position: BigInt(bytes.readUInt32LE(4)) };
  };
}

/** Records of 4 bytes: only lengths; an extent starts where the one before ends. */
function lengthsOnly(map: ExtentMap, inode: Inode, table: RecordTable): (n: bigint) => Promise<ExtentRecord> {
  let known: { n: bigint; position: bigint } | undefined;
  return async (n) => {
    if (known === undefined || known.n > n) {
      known = { n: 0n, position: (await inode.space.read(map.start, 8)).readBigUInt64LE(0) };
    }
    let { n: at, position } = known;
    for (;;) {
      const wanted = n - at + 1n;
      const take = wanted < batch ? Number(wanted) : batch;
      const lengths = await inode.space.read(table.start + at * 4n, take * 4);
      for (let i = 0; i < take; i++, at++) {
        const plen = lengths.readUInt32LE(i * 4);
        if (at === n) {
          known = { n, position };
          return { plen, position };
        }
        position += BigInt(plen & lengthMask);
      }
    }
  };
}

/** Records of 16 and 32 bytes have the start of the extent, in ascending order. */
async function searchRecord(
  map: ExtentMap,
  inode: Inode,
  table: RecordTable,
  offset: bigint,
): Promise<{ record: ExtentRecord; start: bigint; end: bigint }> {
  const read = (n: bigint) => inode.space.read(table.start + n * BigInt(map.recordSize), map.recordSize);
  const startOf = (bytes: Buffer) =>
    map.recordSize === 16 ? BigInt(bytes.readUInt32LE(12)) : bytes.readBigUInt64LE(12);
  // the last record that starts at or before the offset is at or after `low` and before `high`
  let [low, high] = [0n, table.count];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (startOf(await read(middle)) <= offset) low = middle;
    else high = middle;
  }
  const bytes = await read(low);
  const start = startOf(bytes);
  const next = low + 1n < table.count ? startOf(await read(low + 1n)) : inode.size;
  if (start > offset || next <= offset) {
    throw corrupt(inode.space.name, `no extent of inode ${inode.node} holds its byte ${offset}`);
  }
  return {
    record: { plen: bytes.readUInt32LE(0), position: bytes.readBigUInt64LE(4) },
    start,
    end: next < inode.size ? next : inode.size,
  };
}

function dataOf(map: ExtentMap, record: ExtentRecord, blockSize: number): ExtentData {
  const { plen, position } = record;
  if (plen === 0) return { kind: 'hole' };
  const place = { space: undefined, position, length: plen & lengthMask };
  const format = plen >>> algorithmShift;
  if (format > 0) return { kind: 'compressed', place, algorithm: format - 1 };
  const aligned = position % BigInt(blockSize) === 0n && place.length % blockSize === 0;
  return { kind: 'stored', place, interlaced: map.interlaced && aligned };
}

/** The offset is where length and (in longer records) position otherwise are. */
function fragmentOf(map: ExtentMap, record: ExtentRecord): ExtentData {
  const high = map.recordSize === 4 ? 0n : record.position & 0xffff_ffffn;
  return { kind: 'fragment', offset: (high << 32n) | BigInt(record.plen) };
}
