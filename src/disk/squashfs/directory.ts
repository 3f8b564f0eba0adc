/**
 * Directories: runs of entries, sorted by name. Extended directories have an index besides, with the first name
 * in each metadata block, so that a name is found without reading all entries before it.
 */
import { quoted } from '../../base/errors.ts';
import type { NodeKind } from '../tree.ts';
import { corrupt } from './errors.ts';
import {
  directoryEntryLayout,
  directoryHeaderLayout,
  directoryIndexLayout,
  maxNameBytes,
  metadataBytes,
} from './format.ts';
import { entryKinds, parse } from './inode.ts';
import type { ListingPlace } from './inode.ts';
import type { MetadataCursor } from './metadata.ts';
import type { Volume } from './volume.ts';

/** Most entries of one run. */
const maxRun = 256;

export interface ListedEntry {
  /** Not to be changed: it may lie in a cached block. */
  readonly name: Buffer;
  readonly kind: NodeKind;
  /** Reference of its inode. */
  readonly inode: bigint;
}

/** The entries of a directory, in runs; each entry is charged to the budget. @throws PortableError */
export async function* listEntries(
  volume: Volume,
  place: ListingPlace,
): AsyncGenerator<readonly ListedEntry[]> {
  const listing = new Listing(volume, place, 0, place.offset, place.position);
  for (let run = await listing.run(); run !== undefined; run = await listing.run()) {
    volume.budget.charge('directoryEntries', run.length);
    yield run;
  }
}

/** The entry `name` of a directory, or undefined. @throws PortableError */
export async function findEntry(
  volume: Volume,
  place: ListingPlace,
  name: Buffer,
): Promise<ListedEntry | undefined> {
  const listing = await listingNear(volume, place, name);
  for (let run = await listing.run(); run !== undefined; run = await listing.run()) {
    volume.budget.checkTime();
    for (const entry of run) {
      const order = entry.name.compare(name);
      if (order === 0) return entry;
      if (order > 0) return undefined;
    }
  }
  return undefined;
}

/** The listing from the last place that the index has at or before `name`. */
async function listingNear(volume: Volume, place: ListingPlace, name: Buffer): Promise<Listing> {
  const { metadata, superblock, budget } = volume;
  const index = metadata.cursor(place.index.position, place.index.offset);
  let start = { listingOffset: 0, position: place.position };
  for (let i = 0; i < place.indexCount; i++) {
    const { listingOffset, startBlock, nameSize } = await parse(index, directoryIndexLayout);
    checkNameSize(volume, nameSize + 1);
    const first = index.tryRead(nameSize + 1) ?? (await index.read(nameSize + 1));
    if (first.compare(name) > 0) break;
    if (listingOffset >= place.size) {
      throw corrupt(metadata.image, `a directory index leads to ${listingOffset} of ${place.size} bytes`);
    }
    start = { listingOffset, position: superblock.directoryTable + BigInt(startBlock) };
    if (i % 1024 === 0) budget.checkTime();
  }
  const offset =
    start.listingOffset === 0 ? place.offset : (place.offset + start.listingOffset) % metadataBytes;
  return new Listing(volume, place, start.listingOffset, offset, start.position);
}

/** Reads runs of entries, from the start of one of them on. */
class Listing {
  readonly #volume: Volume;
  readonly #cursor: MetadataCursor;
  readonly #size: number;
  /** Bytes of the listing before the cursor. */
  #at: number;

  /** @param at bytes of the listing before this place */
  constructor(volume: Volume, place: ListingPlace, at: number, offset: number, position: bigint) {
    this.#volume = volume;
    this.#cursor = volume.metadata.cursor(position, offset);
    this.#size = place.size;
    this.#at = at;
  }

  /** The next run, undefined at the end. @throws PortableError */
  async run(): Promise<readonly ListedEntry[] | undefined> {
    if (this.#at === this.#size) return undefined;
    const header = directoryHeaderLayout.parse(await this.#take(directoryHeaderLayout.size));
    const count = header.count + 1;
    if (count > maxRun) throw this.#corrupt(`a run of ${count} entries`);
    const entries: ListedEntry[] = [];
    for (let i = 0; i < count; i++) {
      const fixed = this.#tryTake(directoryEntryLayout.size) ?? (await this.#take(directoryEntryLayout.size));
      const { offset, type, nameSize } = directoryEntryLayout.parse(fixed);
      checkNameSize(this.#volume, nameSize + 1);
      const name = this.#tryTake(nameSize + 1) ?? (await this.#take(nameSize + 1));
      checkName(this.#volume, name);
      const kind = entryKinds.get(type);
      if (kind === undefined) throw this.#corrupt(`an entry of the unknown type ${type}`);
      entries.push({ name, kind, inode: (BigInt(header.startBlock) << 16n) | BigInt(offset) });
    }
    return entries;
  }

  /** The next `length` bytes, as long as they are in the block at hand: no promise for each of many small reads. */
  #tryTake(length: number): Buffer | undefined {
    if (this.#at + length > this.#size) return undefined;
    const bytes = this.#cursor.tryRead(length);
    if (bytes !== undefined) this.#at += length;
    return bytes;
  }

  async #take(length: number): Promise<Buffer> {
    if (this.#at + length > this.#size)
      throw this.#corrupt(`an entry that goes beyond its ${this.#size} bytes`);
    this.#at += length;
    return this.#cursor.read(length);
  }

  #corrupt(what: string) {
    const { position, offset } = this.#cursor.place;
    return corrupt(this.#volume.source.name, `a directory has ${what}, at ${position}+${offset}`);
  }
}

function checkNameSize(volume: Volume, size: number): void {
  if (size <= maxNameBytes) return;
  throw corrupt(volume.source.name, `a name of ${size} bytes in a directory; ${maxNameBytes} is the most`);
}

/** Names that would mean something else to whoever puts them into a path. */
function checkName(volume: Volume, name: Buffer): void {
  const isDots = name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT));
  if (!isDots && !name.includes(NUL) && !name.includes(SLASH)) return;
  throw corrupt(volume.source.name, `a directory entry is called ${quoted(name.toString('latin1'))}`);
}

const NUL = 0x00;
const DOT = 0x2e;
const SLASH = 0x2f;
