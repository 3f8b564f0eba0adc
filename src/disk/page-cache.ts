/** A few aligned pages of a medium, the least recently used one dropped first. */

/** Bytes; the first two pages hold every superblock that probe.ts looks at, but for those at the end. */
const pageSize = 64 * 1024;

/** Pages kept: 1 MiB in all. */
const maxPages = 16;

/** Reads exactly `length` bytes at `offset` of the medium. */
export type ReadMedium = (offset: bigint, length: number) => Promise<Buffer>;

export class PageCache {
  readonly #size: bigint;
  readonly #readMedium: ReadMedium;
  /** Page number → its bytes, perhaps still on their way; in order of use. */
  readonly #pages = new Map<bigint, Promise<Buffer>>();

  /** @param size bytes of the medium */
  constructor(size: bigint, readMedium: ReadMedium) {
    this.#size = size;
    this.#readMedium = readMedium;
  }

  /** A copy of `length` bytes at `offset`, which the caller has checked to be inside the medium. */
  async read(offset: bigint, length: number): Promise<Buffer> {
    const first = offset / BigInt(pageSize);
    const skipped = Number(offset % BigInt(pageSize));
    const count = length === 0 ? 0 : Math.ceil((skipped + length) / pageSize);
    // all at once: the medium may as well fetch them together
    const pages = await Promise.all(Array.from({ length: count }, (_, i) => this.#page(first + BigInt(i))));
    const result = Buffer.allocUnsafe(length);
    let filled = 0;
    for (const [i, page] of pages.entries()) filled += page.copy(result, filled, i === 0 ? skipped : 0);
    return result;
  }

  async #page(number: bigint): Promise<Buffer> {
    const page = this.#pages.get(number) ?? this.#fetch(number);
    this.#pages.delete(number);
    this.#pages.set(number, page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= maxPages) break;
      this.#pages.delete(oldest);
    }
    try {
      return await page;
    } catch (error) {
      // a later read tries again
      if (this.#pages.get(number) === page) this.#pages.delete(number);
      throw error;
    }
  }

  #fetch(number: bigint): Promise<Buffer> {
    const start = number * BigInt(pageSize);
    const left = this.#size - start;
    return this.#readMedium(start, left < BigInt(pageSize) ? Number(left) : pageSize);
  }
}
