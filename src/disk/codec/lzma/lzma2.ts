/**
 * LZMA2: LZMA in chunks of up to 2 MiB, each of which says what of the decoder's memory it resets, with
 * uncompressed chunks in between. Format: xz file format, section 5.3.1 (tukaani.org/xz/xz-file-format.txt), and
 * the comments of 7-Zip's Lzma2Dec.
 */
import { CorruptBlock } from '../codec.ts';
import { LzmaDecoder, lzmaProperties } from './decoder.ts';
import { RangeDecoder } from './range-decoder.ts';
import { Pacer } from '../pace.ts';
import { runSliced } from './sliced.ts';

/** What a chunk's control byte says. */
const endOfData = 0x00;
const copyResetDictionary = 0x01;
const copy = 0x02;
const lzmaChunk = 0x80;

/** Bits 5 and 6 of an LZMA chunk's control byte: each value resets what the ones before do, too. */
const resetState = 1;
const newProperties = 2;
const resetDictionary = 3;

/** What a chunk costs beside its output, in bytes of output: a reset fills the whole model. */
const chunkWork = 1024;

/** A chunk that was begun. */
interface Chunk {
  readonly isCopy: boolean;
  /** Index of its data in the input, and of the chunk after it. */
  readonly data: number;
  readonly next: number;
  /** Bytes of output before it, and after it. */
  readonly start: number;
  readonly end: number;
}

/** Decodes an LZMA2 stream piece by piece. */
export class Lzma2Decoder {
  readonly #input: Buffer;
  readonly #range: RangeDecoder;
  readonly #decoder: LzmaDecoder;
  readonly #pacer = new Pacer();
  /** Index of the next control byte; after the end, of the first byte behind it. */
  #at: number;
  #chunk: Chunk | undefined;
  /** What the next LZMA chunk has to reset at least. */
  #owed = resetDictionary;
  #complete = false;

  /**
   * @param start index of its first byte in the input
   * @param output at most so much is decoded; the caller may read it, and change nothing
   */
  constructor(input: Buffer, start: number, output: Uint8Array) {
    this.#input = input;
    this.#at = start;
    this.#range = new RangeDecoder(input);
    this.#decoder = new LzmaDecoder(this.#range, output);
  }

  /** Bytes of output so far. */
  get length(): number {
    return this.#decoder.position;
  }

  /** Where the stream ends in the input; undefined as long as there may be more. */
  get end(): number | undefined {
    return this.#complete ? this.#at : undefined;
  }

  /** Goes on until `limit` bytes of output are there, or the stream ends. @throws CorruptBlock */
  async run(limit: number): Promise<void> {
    while (!this.#complete) {
      if (this.#chunk !== undefined) {
        await this.#continue(this.#chunk, limit);
        if (this.#decoder.position < this.#chunk.end) return;
        this.#finish(this.#chunk);
      }
      const control = this.#byte(this.#at);
      if (control === endOfData) {
        this.#complete = true;
        this.#at++;
        return;
      }
      if (this.#decoder.position >= limit) return;
      this.#chunk = this.#begin(control);
    }
  }

  #begin(control: number): Chunk {
    if (control > copy && control < lzmaChunk) {
      throw new CorruptBlock(`${control} is not an LZMA2 control byte`);
    }
    const isCopy = control < lzmaChunk;
    const reset = isCopy ? (control === copyResetDictionary ? resetDictionary : 0) : (control >> 5) & 3;
    if (this.#owed === resetDictionary && reset !== resetDictionary) {
      throw new CorruptBlock('its first LZMA2 chunk does not reset the dictionary');
    }
    if (reset === resetDictionary) {
      this.#decoder.resetDictionary();
      this.#owed = newProperties;
    }
    return isCopy ? this.#beginCopy() : this.#beginLzma(control, reset);
  }

  /** An uncompressed chunk: control, size - 1 (2 bytes, big-endian), data. */
  #beginCopy(): Chunk {
    const size = this.#uint16(this.#at + 1) + 1;
    return this.#placed(true, this.#at + 3, size, size);
  }

  /**
   * An LZMA chunk: control with bits 16–20 of the output size - 1, the lower 16 of them, input size - 1 (2 bytes,
   * all big-endian), properties where they are new, data.
   */
  #beginLzma(control: number, reset: number): Chunk {
    if (reset < this.#owed) throw new CorruptBlock('an LZMA2 chunk lacks the properties of the stream');
    this.#owed = 0;
    const outputBytes = (((control & 0x1f) << 16) | this.#uint16(this.#at + 1)) + 1;
    const inputBytes = this.#uint16(this.#at + 3) + 1;
    const data = reset >= newProperties ? this.#at + 6 : this.#at + 5;
    const chunk = this.#placed(false, data, inputBytes, outputBytes);
    if (reset >= newProperties) {
      const properties = lzmaProperties(this.#byte(this.#at + 5));
      if (properties.lc + properties.lp > 4) throw new CorruptBlock('lc + lp of LZMA2 is more than 4');
      this.#decoder.resetState(properties);
    } else if (reset === resetState) {
      this.#decoder.resetState();
    }
    this.#range.start(chunk.data, chunk.next);
    return chunk;
  }

  #placed(isCopy: boolean, data: number, inputBytes: number, outputBytes: number): Chunk {
    const next = data + inputBytes;
    if (next > this.#input.length) throw new CorruptBlock('an LZMA2 chunk is cut off');
    const start = this.#decoder.position;
    return { isCopy, data, next, start, end: start + outputBytes };
  }

  async #continue(chunk: Chunk, limit: number): Promise<void> {
    const decoder = this.#decoder;
    const before = decoder.position;
    const stop = Math.min(chunk.end, limit);
    if (chunk.isCopy) {
      const from = chunk.data - chunk.start;
      decoder.copyIn(this.#input.subarray(from + before, from + stop));
    } else if (!(await runSliced(decoder, stop))) {
      throw new CorruptBlock('an LZMA2 chunk has an end marker');
    }
    await this.#pacer.spend(decoder.position - before + chunkWork);
  }

  #finish(chunk: Chunk): void {
    if (!chunk.isCopy && !(this.#decoder.settled && this.#range.finish())) {
      throw new CorruptBlock('an LZMA2 chunk does not end where it should');
    }
    this.#at = chunk.next;
    this.#chunk = undefined;
  }

  #uint16(index: number): number {
    return (this.#byte(index) << 8) | this.#byte(index + 1);
  }

  #byte(index: number): number {
    const byte = this.#input[index];
    if (byte === undefined) throw new CorruptBlock('its LZMA2 data is cut off');
    return byte;
  }
}
