/** The output of a byte-oriented LZ decoder: a buffer of fixed size that literals and matches are copied into. */
import { CorruptBlock } from './codec.ts';
import type { OutputSize } from './codec.ts';

export class OutputBlock {
  readonly #bytes: Buffer;
  readonly #size: OutputSize;
  #length = 0;

  constructor(size: OutputSize) {
    this.#size = size;
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(size.wanted ?? size.maxOutput, size.maxOutput));
  }

  /** Whether as much is there as was wanted. Never so when the whole block is wanted: then the input says when it ends. */
  done(): boolean {
    return this.#size.wanted !== undefined && this.#length === this.#bytes.length;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** The bytes so far. */
  result(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Appends `count` bytes of the input from `at`. @throws CorruptBlock when the input has fewer, or the output no room */
  literals(input: Buffer, at: number, count: number): void {
    if (at + count > input.length) throw new CorruptBlock(`${count} literal bytes are cut off`);
    const fitting = this.#fit(count);
    // the call of copy() costs more than a few bytes do
    if (fitting > 16) input.copy(this.#bytes, this.#length, at, at + fitting);
    else for (let i = 0; i < fitting; i++) this.#bytes[this.#length + i] = input[at + i] ?? 0;
    this.#length += fitting;
  }

  /** Appends `count` times the same byte. @throws CorruptBlock */
  fill(byte: number, count: number): void {
    const fitting = this.#fit(count);
    this.#bytes.fill(byte, this.#length, this.#length + fitting);
    this.#length += fitting;
  }

  /** Appends `count` bytes of the output from `distance` bytes back; the two may overlap. @throws CorruptBlock */
  match(distance: number, count: number): void {
    if (distance < 1 || distance > this.#length) {
      throw new CorruptBlock(`a match at ${this.#length} reaches ${distance} bytes back`);
    }
    const fitting = this.#fit(count);
    const bytes = this.#bytes;
    let to = this.#length;
    const end = to + fitting;
    if (distance >= fitting && fitting > 32) {
      bytes.copyWithin(to, to - distance, to - distance + fitting);
    } else {
      for (let from = to - distance; to < end; to++, from++) bytes[to] = bytes[from] ?? 0;
    }
    this.#length = end;
  }

  /** How many of `count` bytes there is room for. */
  #fit(count: number): number {
    const room = this.#bytes.length - this.#length;
    if (count <= room) return count;
    if (this.#size.wanted === undefined) {
      throw new CorruptBlock(`it expands to more than ${this.#size.maxOutput} bytes`);
    }
    return room;
  }
}
