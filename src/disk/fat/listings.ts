/**
 * The directories used last, by name: a directory has no order that a name could be found by, and an inspection looks up
 * many names in the same few.
 */
import { type DirectoryPlace, type Entry, entriesOf } from './directory.ts';
import type { Volume } from './volume.ts';

/** Entries kept of all directories together; the one used last may be as large as it is. */
const maxEntries = 20_000;

/** Position of the directory's own entry, or 'root'. */
type Key = bigint | 'root';

interface Listing {
  /** Each entry by its name and by its alias, as `comparable` has them. */
  readonly byName: ReadonlyMap<string, Entry>;
  readonly directories: number;
}

export class Listings {
  readonly #volume: Volume;
  /** In order of use. */
  readonly #listings = new Map<Key, Listing>();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /**
   * The entry that a name leads to. Neither case (of ASCII letters) nor dots at its end count, as for the kernel.
   * @throws PortableError as entriesOf
   */
  async find(place: DirectoryPlace, name: Buffer): Promise<Entry | undefined> {
    return (await this.#of(place)).byName.get(comparable(name));
  }

  /** How many directories there are in a directory. */
  async countDirectories(place: DirectoryPlace): Promise<number> {
    return (await this.#of(place)).directories;
  }

  async #of(place: DirectoryPlace): Promise<Listing> {
    const key = place?.position ?? 'root';
    const listing = this.#listings.get(key) ?? (await readListing(this.#volume, place));
    this.#listings.delete(key);
    this.#listings.set(key, listing);
    let entries = 0;
    for (const { byName } of this.#listings.values()) entries += byName.size;
    for (const [oldest, { byName }] of this.#listings) {
      if (entries <= maxEntries || oldest === key) break;
      this.#listings.delete(oldest);
      entries -= byName.size;
    }
    return listing;
  }
}

async function readListing(volume: Volume, place: DirectoryPlace): Promise<Listing> {
  const byName = new Map<string, Entry>();
  let directories = 0;
  for await (const entry of entriesOf(volume, place)) {
    if (entry.isDirectory) directories++;
    for (const name of [entry.name, entry.alias]) {
      const key = comparable(Buffer.from(name));
      if (!byName.has(key)) byName.set(key, entry);
    }
  }
  return { byName, directories };
}

function comparable(name: Buffer): string {
  return name
    .toString('latin1')
    .replace(/\.+$/, '')
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
