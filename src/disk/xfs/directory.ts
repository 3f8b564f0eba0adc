/** Directories: finding a name, and listing all. */
import type { NamedInode } from '../inode-node.ts';
import { type DirectoryBlock, blockCount, directoryBlock, maxSize } from './directory-blocks.ts';
import { type StoredEntry, alignment, entriesIn, entryIn, isDots, isName } from './directory-entries.ts';
import { mapBlock } from './extent-map.ts';
import { nameHash } from './hash.ts';
import {
  type Index,
  type IndexBlock,
  entriesAt,
  entrySize,
  findLeaf,
  firstNotBelow,
  readIndexBlock,
} from './index-blocks.ts';
import type { Inode } from './inode.ts';
import { shortEntries } from './short-directory.ts';
import type { Volume } from './volume.ts';

/**
 * The inode number that a directory has for exactly this name, or undefined; through the index of hashes.
 * @throws PortableError InvalidArgs when it is corrupt, LimitsExceeded
 */
export async function findName(volume: Volume, inode: Inode, name: Buffer): Promise<bigint | undefined> {
  if (!isName(name) || isDots(name)) return undefined;
  if (inode.data.format === 'local') {
    for (const entry of shortEntries(volume, inode)) if (entry.name.equals(name)) return entry.inode;
    return undefined;
  }
  const hash = nameHash(name);
  for await (const place of placesFor(volume, inode, hash)) {
    const entry = await entryAt(volume, inode, place);
    if (entry.name.equals(name)) return entry.inode;
  }
  return undefined;
}

/**
 * All entries of a directory, in the order stored.
 * @throws PortableError as findName
 */
export async function* listNames(volume: Volume, inode: Inode): AsyncGenerator<NamedInode<bigint>> {
  if (inode.data.format === 'local') {
    for (const entry of shortEntries(volume, inode)) yield charged(volume, entry);
    return;
  }
  const count = blockCount(volume, inode);
  for (let number = 0; number < count;) {
    const found = await directoryBlock(volume, inode, number);
    if ('hole' in found) {
      volume.budget.checkTime();
      number += found.hole;
      continue;
    }
    for (const entry of entriesIn(volume, found.area)) {
      const named = charged(volume, entry);
      if (!isDots(entry.name)) yield named;
    }
    number++;
  }
}

function charged(volume: Volume, entry: StoredEntry): NamedInode<bigint> {
  volume.budget.charge('directoryEntries');
  return { ...entry, name: Buffer.from(entry.name) };
}

/** Where an index says that an entry is: bytes from the start of the directory, divided by `alignment`. */
type Place = number;

/** Hashes of names, sorted, each with the place of its entry; place 0 is that of one that was deleted. */
interface HashList {
  readonly bytes: Buffer;
  readonly start: number;
  readonly count: number;
}

/** The places of all entries whose names have the hash; rarely more than one. */
async function* placesFor(volume: Volume, inode: Inode, hash: number): AsyncGenerator<Place> {
  const index = indexOf(volume, inode);
  const isApart = (await mapBlock(volume, inode, inode.data, index.from)).physical !== undefined;
  if (!isApart) {
    const block = await blockNumber(volume, inode, 0);
    if (block.index === undefined)
      throw volume.corrupt(`${block.area.what} has no index, nor is there another`);
    yield* placesIn({ bytes: block.area.bytes, ...block.index }, hash);
    return;
  }
  const seen = new Set<number>();
  for (let leaf = await findLeaf(index, hash); ; leaf = await readIndexBlock(index, leaf.next)) {
    if (leaf.kind !== 'leaf' && leaf.kind !== 'only leaf') {
      throw volume.corrupt(`${leaf.what} is the ${leaf.kind} of something else`);
    }
    if (seen.has(leaf.logical)) throw volume.corrupt(`${leaf.what} is behind itself`);
    seen.add(leaf.logical);
    const list = { bytes: leaf.bytes, start: entriesAt, count: leaf.count };
    yield* placesIn(list, hash);
    if (!mayGoOn(leaf, list, hash)) return;
  }
}

/** The index of a directory starts at 32 GiB, and ends at 64, where that of free space is. */
function indexOf(volume: Volume, inode: Inode): Index {
  const { blockSize, directoryBlocks } = volume.superblock;
  const from = Number(maxSize / BigInt(blockSize));
  return { volume, inode, fork: inode.data, blocks: directoryBlocks, from, to: 2 * from };
}

function* placesIn(list: HashList, hash: number): Generator<Place> {
  const { count } = list;
  for (let at = firstNotBelow(count, hash, (entry) => hashAt(list, entry)); at < count; at++) {
    if (hashAt(list, at) !== hash) return;
    const place = list.bytes.readUInt32BE(list.start + at * entrySize + 4);
    if (place !== 0) yield place;
  }
}

/** Whether entries with this hash may follow in the next leaf. */
function mayGoOn(leaf: IndexBlock, list: HashList, hash: number): boolean {
  return (
    leaf.kind === 'leaf' && leaf.next !== 0 && (list.count === 0 || hashAt(list, list.count - 1) <= hash)
  );
}

function hashAt({ bytes, start }: HashList, entry: number): number {
  return bytes.readUInt32BE(start + entry * entrySize);
}

async function entryAt(volume: Volume, inode: Inode, place: Place): Promise<StoredEntry> {
  const { directoryBlockSize } = volume.superblock;
  const offset = place * alignment;
  const { area } = await blockNumber(volume, inode, Math.floor(offset / directoryBlockSize));
  volume.budget.checkTime();
  return entryIn(volume, area, offset % directoryBlockSize).entry;
}

/** A block that must be there. */
async function blockNumber(volume: Volume, inode: Inode, number: number): Promise<DirectoryBlock> {
  const count = blockCount(volume, inode);
  const where = `directory block ${number} of inode ${inode.number}`;
  if (number >= count) throw volume.corrupt(`the index leads to ${where}, which has only ${count}`);
  const found = await directoryBlock(volume, inode, number);
  if ('hole' in found) throw volume.corrupt(`the index leads to ${where}, which is a hole`);
  return found;
}
