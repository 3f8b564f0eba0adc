/**
 * Directories: blocks of sorted entries, https://erofs.docs.kernel.org/en/latest/ondisk/core_ondisk.html#directories
 */
import { quoted } from '../../base/errors.ts';
import type { Budget } from '../budget.ts';
import { entryKinds } from '../node-kind.ts';
import type { NodeKind } from '../tree.ts';
import type { Content } from './content.ts';
import { corrupt } from './errors.ts';
import { maxNameBytes, sizeOf } from './format.ts';

/** One entry as stored. */
export interface StoredEntry {
  readonly name: Buffer;
  readonly node: bigint;
  /** Undefined when the directory does not say. */
  readonly kind: NodeKind | undefined;
}

/** A directory that can be read. */
export interface Directory {
  readonly content: Content;
  /** Bytes of a directory block. */
  readonly blockSize: number;
  readonly budget: Budget;
  /** What error messages call the image. */
  readonly image: string;
  readonly node: bigint;
}

/**
 * The entries in the order stored, without '.' and '..'.
 * @throws PortableError InvalidArgs for a corrupt block, or a name that no file can have; LimitsExceeded
 */
export async function* listEntries(directory: Directory): AsyncGenerator<StoredEntry> {
  for (let index = 0n; index < blockCount(directory); index++) {
    const block = await readBlock(directory, index);
    for (let i = 0; i < block.count; i++) {
      const entry = block.entry(i);
      if (isDot(entry.name)) continue;
      directory.budget.charge('directoryEntries');
      if (!isValidName(entry.name)) {
        throw corrupt(
          directory.image,
          `directory ${directory.node} has the name ${quoted(entry.name.toString())}`,
        );
      }
      yield entry;
    }
  }
}

/** The entry of a name, by binary search: first for the block, then in it. */
export async function findEntry(directory: Directory, name: Buffer): Promise<StoredEntry | undefined> {
  if (isDot(name) || !isValidName(name)) return undefined;
  // the last block whose first name is not after ours is before `high`
  let candidate: DirectoryBlock | undefined;
  let [low, high] = [0n, blockCount(directory)];
  while (low < high) {
    const middle = (low + high) / 2n;
    const block = await readBlock(directory, middle);
    if (Buffer.compare(block.name(0), name) <= 0) {
      candidate = block;
      low = middle + 1n;
    } else {
      high = middle;
    }
  }
  return candidate === undefined ? undefined : searchBlock(candidate, name);
}

interface DirectoryBlock {
  /** Number of entries, at least 1. */
  readonly count: number;
  name(i: number): Buffer;
  entry(i: number): StoredEntry;
}

function searchBlock(block: DirectoryBlock, name: Buffer): StoredEntry | undefined {
  let [low, high] = [0, block.count];
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = Buffer.compare(block.name(middle), name);
    if (order === 0) return block.entry(middle);
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}

function blockCount({ content, blockSize }: Directory): bigint {
  return (content.size + BigInt(blockSize) - 1n) / BigInt(blockSize);
}

async function readBlock(directory: Directory, index: bigint): Promise<DirectoryBlock> {
  const { content, blockSize, image, node } = directory;
  const bytes = await content.read(index * BigInt(blockSize), blockSize);
  const bad = (what: string) => corrupt(image, `block ${index} of directory ${node} ${what}`);
  if (bytes.length < sizeOf.dirent) throw bad(`has only ${bytes.length} bytes`);
  // names come right after the entries, so the first one tells how many there are
  const firstName = bytes.readUInt16LE(8);
  if (firstName < sizeOf.dirent || firstName > bytes.length || firstName % sizeOf.dirent !== 0) {
    throw bad(`has its first name at offset ${firstName}`);
  }
  const count = firstName / sizeOf.dirent;
  const nameStart = (i: number) => bytes.readUInt16LE(i * sizeOf.dirent + 8);
  const name = (i: number) => {
    const start = nameStart(i);
    const end = i + 1 < count ? nameStart(i + 1) : bytes.length;
    if (start < firstName || end < start || end > bytes.length)
      throw bad(`has a name from ${start} to ${end}`);
    const room = bytes.subarray(start, end);
    // zeros fill the block after the last name
    const zero = i + 1 < count ? -1 : room.indexOf(0);
    return zero === -1 ? room : room.subarray(0, zero);
  };
  return {
    count,
    name,
    entry: (i) => ({
      name: Buffer.from(name(i)),
      node: bytes.readBigUInt64LE(i * sizeOf.dirent),
      kind: entryKinds[bytes.readUInt8(i * sizeOf.dirent + 10)],
    }),
  };
}

function isDot(name: Buffer): boolean {
  return name.length <= 2 && name.every((byte) => byte === 0x2e) && name.length > 0;
}

function isValidName(name: Buffer): boolean {
  return name.length > 0 && name.length <= maxNameBytes && !name.includes(0) && !name.includes(0x2f);
}
