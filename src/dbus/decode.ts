/**
 * Bytes to values, in either byte order, with every read checked against the buffer.
 * Bodies are decoded when somebody asks for them by the signature they expect, never before: an unwanted body
 * (`aav` of 32 MiB, file descriptors we never negotiated) costs a caller's bytes but none of our memory.
 * Format: D-Bus Specification, "Marshaling (Wire Format)".
 */
import {
  alignmentOf,
  parseSignature,
  parseSingle,
  type Type,
  type Value,
  type ValuesOf,
} from './signature.ts';

/** Bytes that are not what the signature says. The bus checks messages, so this means a broken bus. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Containers within containers, counting variants ("Valid Signatures"; the bus enforces the same). */
const maxDepth = 64;

/**
 * Decodes a whole body.
 * @throws DecodeError, SignatureError
 */
export function decodeBody<S extends string>(signature: S, body: Buffer, littleEndian: boolean): ValuesOf<S> {
  const reader = new Reader(body, littleEndian);
  const values = parseSignature(signature).map((type) => reader.value(type));
  // the type system computes from the signature what the loop above reads by it
  return values as unknown as ValuesOf<S>;
}

/** Reads values off a buffer one after another; alignment counts from its start. */
export class Reader {
  readonly #buffer: Buffer;
  readonly #little: boolean;
  readonly #ascii: string | undefined;
  #at = 0;

  /** @param ascii the buffer as one text, where all texts in it are ASCII: parts of it cost less than texts of their own */
  constructor(buffer: Buffer, littleEndian: boolean, ascii?: string) {
    this.#buffer = buffer;
    this.#little = littleEndian;
    this.#ascii = ascii;
  }

  get position(): number {
    return this.#at;
  }

  align(boundary: number): void {
    this.#take(-this.#at & (boundary - 1));
  }

  byte(): number {
    return this.#buffer.readUInt8(this.#take(1));
  }

  uint32(): number {
    this.align(4);
    const at = this.#take(4);
    return this.#little ? this.#buffer.readUInt32LE(at) : this.#buffer.readUInt32BE(at);
  }

  string(): string {
    return this.#text(this.uint32());
  }

  signature(): string {
    return this.#text(this.byte());
  }

  value(type: Type, depth = 0): Value {
    switch (type.code) {
      case 'y':
        return this.byte();
      case 'b':
        return this.uint32() !== 0;
      case 'n':
        return this.#fixed(2, 'readInt16LE', 'readInt16BE');
      case 'q':
        return this.#fixed(2, 'readUInt16LE', 'readUInt16BE');
      case 'i':
        return this.#fixed(4, 'readInt32LE', 'readInt32BE');
      case 'u':
      case 'h':
        return this.uint32();
      case 'x':
        return this.#fixed(8, 'readBigInt64LE', 'readBigInt64BE');
      case 't':
        return this.#fixed(8, 'readBigUInt64LE', 'readBigUInt64BE');
      case 'd':
        return this.#fixed(8, 'readDoubleLE', 'readDoubleBE');
      case 's':
      case 'o':
        return this.string();
      case 'g':
        return this.signature();
      case 'v':
        return this.#variant(deeper(depth));
      case '(':
        this.align(8);
        return type.fields.map((field) => this.value(field, deeper(depth)));
      case 'a':
        return this.#array(type.element, deeper(depth));
      case '{':
        throw new DecodeError('a dictionary entry outside an array');
    }
  }

  /** Passes over a value without building it. */
  skip(type: Type, depth = 0): void {
    switch (type.code) {
      case 's':
      case 'o':
        this.#take(this.uint32() + 1);
        return;
      case 'g':
        this.#take(this.byte() + 1);
        return;
      case 'v':
        this.skip(parseSingle(this.signature()), deeper(depth));
        return;
      case '(':
        this.align(8);
        for (const field of type.fields) this.skip(field, deeper(depth));
        return;
      case 'a': {
        const length = this.uint32();
        this.align(alignmentOf(type.element));
        this.#take(length);
        return;
      }
      default:
        this.value(type, depth);
    }
  }

  #variant(depth: number): Value {
    const signature = this.signature();
    return { signature, value: this.value(parseSingle(signature), depth) };
  }

  #array(element: Type, depth: number): Value {
    const length = this.uint32();
    this.align(alignmentOf(element));
    const start = this.#take(length);
    const end = start + length;
    // a copy: a slice would keep the whole message alive
    if (element.code === 'y') return Buffer.from(this.#buffer.subarray(start, end));
    this.#at = start;
    if (element.code === '{') return this.#dictionary(element, end, depth);
    const values: Value[] = [];
    while (this.#at < end) values.push(this.value(element, depth));
    return this.#ended(end, values);
  }

  #dictionary(entry: { readonly key: Type; readonly value: Type }, end: number, depth: number): Value {
    const values = new Map<Value, Value>();
    while (this.#at < end) {
      this.align(8);
      const key = this.value(entry.key, depth);
      values.set(key, this.value(entry.value, deeper(depth)));
    }
    return this.#ended(end, values);
  }

  #ended<T>(end: number, values: T): T {
    if (this.#at !== end) throw new DecodeError('an array whose last element crosses its end');
    return values;
  }

  #text(length: number): string {
    const at = this.#take(length + 1);
    const end = at + length;
    return this.#ascii === undefined ? this.#buffer.toString('utf8', at, end) : this.#ascii.slice(at, end);
  }

  #fixed(size: number, little: Fixed, big: Fixed): number | bigint {
    this.align(size);
    const at = this.#take(size);
    return this.#little ? this.#buffer[little](at) : this.#buffer[big](at);
  }

  /** Moves over `size` bytes and returns where they begin. */
  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#buffer.length) {
      throw new DecodeError(`${size} bytes at ${at} of ${this.#buffer.length}`);
    }
    this.#at = at + size;
    return at;
  }
}

type Fixed =
  | `read${'Int16' | 'UInt16' | 'Int32' | 'Double'}${'LE' | 'BE'}`
  | `read${'BigInt64' | 'BigUInt64'}${'LE' | 'BE'}`;

function deeper(depth: number): number {
  if (depth >= maxDepth) throw new DecodeError(`values nest more than ${maxDepth} deep`);
  return depth + 1;
}
