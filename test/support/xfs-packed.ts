/**
 * xfs images without what is between the structures that tell of files, the content of files included: no xfs is smaller
 * than 16 MiB, and of the small ones nearly all is empty. Checksums are made right as structures are read, so that a mutation of a structure is not the end of it.
 */
import type { BlockSource } from '../../src/disk/source.ts';
import { outOfRange } from '../../src/disk/source.ts';
import { repair, superblockChecksumAt } from './xfs-image.ts';

/** Bytes that are packed as one: no structure of the images has fewer, but for inodes. */
const unit = 1024;

/** Packed: bytes of the image and of the table, 4 each; the table with 4 for the number of each unit; and the units. */
const headerSize = 8;

const largestBlock = 4096;

const zeros = Buffer.alloc(unit);

/** Of the images that are packed. */
const inodeSize = 512;
const inodeChecksumAt = 100;

/** An image, packed, and where its structures are in that: [start, end). */
export function pack(image: Buffer): {
  readonly bytes: Buffer;
  readonly hot: readonly (readonly [number, number])[];
} {
  const numbers: number[] = [];
  let end = 0;
  for (let number = 0; number * unit < image.length; number++) {
    const bytes = image.subarray(number * unit, (number + 1) * unit);
    if (structuresIn(image, number * unit).length > 0) end = Math.max(end, number + structureUnits(bytes));
    if (number < end && !bytes.equals(zeros)) numbers.push(number);
  }
  const head = Buffer.alloc(headerSize + 4 * numbers.length);
  head.writeUInt32LE(image.length, 0);
  head.writeUInt32LE(4 * numbers.length, 4);
  const hot: (readonly [number, number])[] = [];
  for (const [i, number] of numbers.entries()) {
    head.writeUInt32LE(number, headerSize + 4 * i);
    const start = head.length + i * unit;
    hot.push(...structuresIn(image, number * unit).map(([from, to]) => [start + from, start + to] as const));
  }
  const units = numbers.map((number) => image.subarray(number * unit, (number + 1) * unit));
  return { bytes: Buffer.concat([head, ...units]), hot };
}

/** Units of a structure that starts with these bytes: of those in directories, attributes and trees, at most a block. */
function structureUnits(bytes: Buffer): number {
  return bytes.toString('latin1', 0, 2) === 'IN' ? 1 : largestBlock / unit;
}

/** Where a unit has structures: its start, and of inodes those that are in use. */
function structuresIn(image: Buffer, at: number): (readonly [number, number])[] {
  const isInode = (from: number): boolean => image.toString('latin1', from, from + 2) === 'IN';
  // the superblock three times, as all depends on it
  if (at === 0) return Array.from({ length: 3 }, () => [0, 304] as const);
  if (!isInode(at)) return checksumPlace(image.subarray(at, at + unit)) === undefined ? [] : [[0, 400]];
  const inodes = [0, inodeSize].filter((from) => image.readUInt16BE(at + from + 2) !== 0);
  return inodes.map((from) => [from, from + inodeSize] as const);
}

/** The image in what may have been mutated. Never fails. */
export function unpacked(packed: Buffer, name: string): BlockSource {
  const word = (at: number): number => (at + 4 <= packed.length ? packed.readUInt32LE(at) : 0);
  const size = BigInt(word(0));
  const units = new Map<number, Buffer>();
  const tableEnd = Math.min(headerSize + word(4), packed.length);
  for (let at = headerSize, from = tableEnd; at < tableEnd && from < packed.length; at += 4, from += unit) {
    units.set(word(at), packed.subarray(from, from + unit));
  }
  const source: BlockSource = {
    name,
    size,
    bytesRead: 0,
    read(offset, length) {
      if (length > 4 << 20) throw new Error(`promise broken: a read of ${length} bytes at once`);
      if (offset < 0n || offset + BigInt(length) > size) {
        return Promise.reject(outOfRange(source, offset, BigInt(length)));
      }
      const bytes = Buffer.alloc(length);
      const start = Number(offset);
      for (let number = Math.floor(start / unit); number * unit < start + length; number++) {
        const content = units.get(number);
        if (content === undefined) continue;
        const skip = Math.max(0, start - number * unit);
        content.copy(bytes, number * unit + skip - start, skip);
      }
      repairAll(bytes);
      return Promise.resolve(bytes);
    },
    close: () => Promise.resolve(),
  };
  return source;
}

/** Makes the checksum of the structure in `bytes` right, or those of the inodes. */
export function repairAll(bytes: Buffer): void {
  const at = checksumPlace(bytes);
  if (at !== undefined) repair(bytes, at);
  for (let start = 0; start + inodeSize <= bytes.length; start += inodeSize) {
    if (bytes.toString('latin1', start, start + 2) !== 'IN') continue;
    repair(bytes.subarray(start, start + inodeSize), inodeChecksumAt);
  }
}

/** Where a structure that starts with, or soon has, its magic number has its checksum. */
function checksumPlace(bytes: Buffer): number | undefined {
  if (bytes.length < 512) return undefined;
  const byName: Readonly<Record<string, number>> = {
    XFSB: superblockChecksumAt,
    XDB3: 4,
    XDD3: 4,
    BMA3: 64,
    XSLM: 12,
    XARM: 12,
  };
  const known = byName[bytes.toString('latin1', 0, 4)];
  if (known !== undefined) return known;
  return [0x3ebe, 0x3df1, 0x3dff, 0x3bee].includes(bytes.readUInt16BE(8)) ? 12 : undefined;
}
