/** The two container-less formats of LZMA: .lzma files and MicroLZMA. */
import { CorruptBlock } from '../codec.ts';
import type { Codec, OutputSize } from '../codec.ts';
import { LzmaDecoder, lzmaProperties } from './decoder.ts';
import { RangeDecoder } from './range-decoder.ts';
import { runSliced } from './sliced.ts';

/** Properties byte, dictionary size (4 bytes), size of the output (8 bytes; all ones: up to the end marker). */
const headerSize = 13;

/**
 * The .lzma format of LZMA Utils, which squashfs calls "lzma".
 * Format: "The .lzma file format" (xz doc/lzma-file-format.txt).
 */
export const lzma: Codec = { decompress: decodeLzma };

async function decodeLzma(input: Buffer, size: OutputSize): Promise<Buffer> {
  if (input.length < headerSize) throw new CorruptBlock('it is shorter than its header');
  const stored = input.readBigUInt64LE(5);
  const unknown = stored === 0xffff_ffff_ffff_ffffn;
  if (!unknown && stored > BigInt(size.maxOutput) && size.wanted === undefined) {
    throw new CorruptBlock(`it says that it expands to ${stored} bytes, more than ${size.maxOutput}`);
  }
  const limit = wantedBytes(size);
  const length = unknown || stored > BigInt(limit) ? limit : Number(stored);
  const range = new RangeDecoder(input);
  range.start(headerSize, input.length);
  const decoder = new LzmaDecoder(range, new Uint8Array(length));
  decoder.resetState(lzmaProperties(input[0] ?? 0));
  const complete = await runSliced(decoder, length);
  if (!complete && !unknown) throw new CorruptBlock('it ends before its size');
  if (complete && unknown && size.wanted === undefined && !atEndMarker(decoder)) {
    throw new CorruptBlock(`it expands to more than ${size.maxOutput} bytes`);
  }
  return result(decoder);
}

/**
 * MicroLZMA: an LZMA stream without header, whose first byte (always 0 otherwise) holds the inverted properties
 * byte. Zero bytes before it are padding. Format: xz's liblzma documentation, lzma_microlzma_decoder().
 */
export const microlzma: Codec = { decompress: decodeMicrolzma };

async function decodeMicrolzma(input: Buffer, size: OutputSize): Promise<Buffer> {
  const start = input.findIndex((byte) => byte !== 0);
  if (start < 0) throw new CorruptBlock('it holds only zeros');
  const length = wantedBytes(size);
  const range = new RangeDecoder(input);
  range.start(start, input.length, 0);
  const decoder = new LzmaDecoder(range, new Uint8Array(length));
  decoder.resetState(lzmaProperties(~(input[start] ?? 0) & 0xff));
  await runSliced(decoder, length);
  return result(decoder);
}

function wantedBytes(size: OutputSize): number {
  return Math.min(size.wanted ?? size.maxOutput, size.maxOutput);
}

/** Whether nothing but the end marker is left. */
function atEndMarker(decoder: LzmaDecoder): boolean {
  return !decoder.run(decoder.position + 1);
}

function result(decoder: LzmaDecoder): Buffer {
  return Buffer.from(decoder.output.buffer, 0, decoder.position);
}
