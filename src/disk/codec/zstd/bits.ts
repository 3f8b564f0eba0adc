/** Bit streams of zstd, RFC 8878 section 4.1: FSE and Huffman streams are read from their end to their start. */
import { CorruptBlock } from '../codec.ts';

/** Reads `count` ≤ 24 bits of `bytes` from bit `position` on, lowest bit first; bits beyond the end are 0. */
export function bitsAt(bytes: Buffer, position: number, count: number): number {
  const at = position >>> 3;
  const word =
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24);
  return (word >>> (position & 7)) & ((1 << count) - 1);
}

/** A stream read backwards: from the highest bit of its last byte, below the 1 that marks the end, down to bit 0. */
export class BackwardBits {
  readonly #bytes: Buffer;
  /** Bits left; negative when more were read than there are, which reads as zeros. */
  #left: number;

  /** @throws CorruptBlock when there is no end mark */
  constructor(bytes: Buffer) {
    const last = bytes[bytes.length - 1] ?? 0;
    if (last === 0) throw new CorruptBlock('a bit stream has no end mark');
    this.#bytes = bytes;
    this.#left = bytes.length * 8 - 1 - Math.clz32(last << 24);
  }

  /** Bits left; 0 when all were read, negative when more. */
  get left(): number {
    return this.#left;
  }

  /** The next `count` ≤ 24 bits, which stay unread. */
  peek(count: number): number {
    const position = this.#left - count;
    if (position >= 0) return bitsAt(this.#bytes, position, count);
    if (this.#left <= 0) return 0;
    return bitsAt(this.#bytes, 0, this.#left) << -position;
  }

  skip(count: number): void {
    this.#left -= count;
  }

  /** The next `count` ≤ 32 bits. */
  read(count: number): number {
    if (count > 24) {
      const high = this.read(count - 16);
      return high * 0x10000 + this.read(16);
    }
    const value = this.peek(count);
    this.#left -= count;
    return value;
  }
}
