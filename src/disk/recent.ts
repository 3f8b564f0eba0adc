/** The results used last, so that what is needed again soon is not made again. */
export class Recent<Key, Value> {
  readonly #capacity: number;
  /** In order of use; perhaps still being made. */
  readonly #values = new Map<Key, Promise<Value>>();

  /** @param capacity results kept */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The value of `key`, made by `make` if it is not there. A failure is not kept. */
  async get(key: Key, make: () => Promise<Value>): Promise<Value> {
    const known = this.#values.get(key);
    const value = known ?? make();
    this.#values.delete(key);
    this.#values.set(key, value);
    if (known === undefined) this.#evict();
    try {
      return await value;
    } catch (error) {
      if (this.#values.get(key) === value) this.#values.delete(key);
      throw error;
    }
  }

  #evict(): void {
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#capacity) break;
      this.#values.delete(oldest);
    }
  }
}
