/** Blocks kept in memory, the least recently used dropped first once they are too many bytes. */
export class BlockCache {
  readonly #capacity: number;
  readonly #blocks = new Map<string, Buffer>();
  #bytes = 0;

  /** @param capacity bytes */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): Buffer | undefined {
    const found = this.#blocks.get(key);
    if (found !== undefined) {
      this.#blocks.delete(key);
      this.#blocks.set(key, found);
    }
    return found;
  }

  set(key: string, block: Buffer): void {
    this.#drop(key);
    this.#blocks.set(key, block);
    this.#bytes += block.length;
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= this.#capacity) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const block = this.#blocks.get(key);
    if (block === undefined) return;
    this.#blocks.delete(key);
    this.#bytes -= block.length;
  }
}
