/**
 * LZMA2: LZMA in chunks of up to 2 MiB, each of which says what of the decoder's memory it resets, with
 * uncompressed chunks in between. Format: xz file format, section 5.3.1 (tukaani.org/xz/xz-file-format.txt), and
 * the comments of 7-Zip's Lzma2Dec.
 */
import { CorruptBlock } from './codec.ts';
import { LzmaDecoder, lzmaProperties } from './lzma-decoder.ts';
import { RangeDecoder } from './range-decoder.ts';
import { Pacer, runSliced } from './slices.ts';

/** What a chunk's control byte says; the values of bits 5 and 6 of an LZMA chunk are ordered by what they reset. */
const endOfData = 0x00;
const copyResetDictionary = 0x01;
const copy = 0x02;
const lzmaChunk = 0x80;
const resetState = 1;
const newProperties = 2;
const resetDictionary = 3;

/** What a chunk costs beside its output, in bytes of output: a reset fills the whole model. */
const chunkWork = 1024;

export interface Lzma2Result {
  /** Bytes of output. */
  readonly length: number;
  /** Index of the input byte after the last one used. */
  readonly end: number;
  /** False when it was left off because the output is full. */
  readonly complete: boolean;
}

/** Decodes the LZMA2 stream that starts at `input[start]`, up to its end or until `output` is full. @throws CorruptBlock */
export async function decodeLzma2(input: Buffer, start: number, output: Uint8Array): Promise<Lzma2Result> {
  const range = new RangeDecoder(input);
  const decoder = new LzmaDecoder(range, output);
  const pacer = new Pacer();
  let at = start;
  // what the first chunk has to reset at least
  let owed = resetDictionary;
  for (;;) {
    const control = byteAt(input, at);
    const before = decoder.position;
    if (control === endOfData) return { length: decoder.position, end: at + 1, complete: true };
    if (decoder.position === output.length) return { length: decoder.position, end: at, complete: false };
    if (control > copy && control < lzmaChunk)
      throw new CorruptBlock(`${control} is not an LZMA2 control byte`);
    const isCopy = control < lzmaChunk;
    const reset = isCopy ? (control === copyResetDictionary ? resetDictionary : 0) : (control >> 5) & 3;
    if (owed === resetDictionary && reset !== resetDictionary) {
      throw new CorruptBlock('its first LZMA2 chunk does not reset the dictionary');
    }
    if (reset === resetDictionary) {
      decoder.resetDictionary();
      owed = newProperties;
    }
    let next: number | undefined;
    if (isCopy) {
      next = copyChunk(input, at, decoder);
    } else {
      if (reset < owed) throw new CorruptBlock('an LZMA2 chunk lacks the properties of the stream');
      owed = 0;
      next = await lzma(input, at, reset, decoder, range);
    }
    if (next === undefined) return { length: decoder.position, end: at, complete: false };
    at = next;
    await pacer.spend(decoder.position - before + chunkWork);
  }
}

/**
 * An uncompressed chunk: control, size - 1 (2 bytes, big-endian), data.
 * @returns the index of the next chunk; undefined when the output could not take all of this one
 */
function copyChunk(input: Buffer, at: number, decoder: LzmaDecoder): number | undefined {
  const data = at + 3;
  const length = ((byteAt(input, at + 1) << 8) | byteAt(input, at + 2)) + 1;
  if (data + length > input.length) throw new CorruptBlock('an uncompressed LZMA2 chunk is cut off');
  const taken = decoder.copyIn(input.subarray(data, data + length));
  return taken === length ? data + length : undefined;
}

/**
 * An LZMA chunk: control with bits 16–20 of the output size - 1, the lower 16 of them, input size - 1 (2 bytes,
 * all big-endian), properties where they are new, data.
 * @returns the index of the next chunk; undefined when the output could not take all of this one
 */
async function lzma(
  input: Buffer,
  at: number,
  reset: number,
  decoder: LzmaDecoder,
  range: RangeDecoder,
): Promise<number | undefined> {
  const outputBytes =
    (((byteAt(input, at) & 0x1f) << 16) | (byteAt(input, at + 1) << 8) | byteAt(input, at + 2)) + 1;
  const inputBytes = ((byteAt(input, at + 3) << 8) | byteAt(input, at + 4)) + 1;
  const data = reset >= newProperties ? at + 6 : at + 5;
  if (data + inputBytes > input.length) throw new CorruptBlock('an LZMA2 chunk is cut off');
  if (reset >= newProperties) {
    const properties = lzmaProperties(byteAt(input, at + 5));
    if (properties.lc + properties.lp > 4) throw new CorruptBlock('lc + lp of LZMA2 is more than 4');
    decoder.resetState(properties);
  } else if (reset === resetState) {
    decoder.resetState();
  }
  range.start(data, data + inputBytes);
  const end = decoder.position + outputBytes;
  const limit = Math.min(end, decoder.output.length);
  if (!(await runSliced(decoder, limit))) throw new CorruptBlock('an LZMA2 chunk has an end marker');
  if (limit < end) return undefined;
  if (!(decoder.settled && range.finish())) {
    throw new CorruptBlock('an LZMA2 chunk does not end where it should');
  }
  return data + inputBytes;
}

function byteAt(input: Buffer, index: number): number {
  const byte = input[index];
  if (byte === undefined) throw new CorruptBlock('its LZMA2 data is cut off');
  return byte;
}
