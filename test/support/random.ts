/** Seeded pseudo-random numbers (mulberry32): the same seed gives the same tests everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next 32 bits. */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * bound);
  }

  /** One of the values. */
  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  }

  /** Incompressible bytes. */
  bytes(length: number): Buffer {
    const out = Buffer.alloc(length);
    let at = 0;
    for (; at + 4 <= length; at += 4) out.writeUInt32LE(this.uint32(), at);
    for (; at < length; at++) out[at] = this.uint32() & 0xff;
    return out;
  }

  /** Bytes that compress to about a third: words of a small vocabulary. */
  text(length: number): Buffer {
    const words =
      'the quick unit starts after network target and wants its own state directory mounted'.split(' ');
    const parts: string[] = [];
    for (let size = 0; size < length;) {
      const word = `${this.pick(words)}${this.below(7) === 0 ? `=${this.below(100_000)}\n` : ' '}`;
      parts.push(word);
      size += word.length;
    }
    return Buffer.from(parts.join('')).subarray(0, length);
  }
}
