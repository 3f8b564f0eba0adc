/**
 * The .xz format as squashfs uses it: one stream of one block, LZMA2, at most one branch filter before it.
 * Format: tukaani.org/xz/xz-file-format.txt; what squashfs writes: kernel Documentation/filesystems/squashfs.rst.
 */
import { crc32 } from 'node:zlib';
import { branchFilters, lookahead } from './bcj.ts';
import type { BranchFilter } from './bcj.ts';
import { CorruptBlock } from '../codec.ts';
import type { Codec, OutputSize, PartialBlock } from '../codec.ts';
import { Lzma2Decoder } from './lzma2.ts';
import { restarted } from '../partial.ts';

const magic = Buffer.from('fd377a585a00', 'hex');
/** Magic, two bytes of flags, CRC32 of the flags. */
const streamHeaderSize = 12;

const lzma2Id = 0x21;

/** The check behind a block, by the lower bits of the stream's flags: only what the kernel reads too. */
const noCheck = 0;
const crc32Check = 1;

export const xz: Codec = { decompress, open };

async function decompress(input: Buffer, size: OutputSize): Promise<Buffer> {
  const header = readHeaders(input);
  const wanted = Math.min(size.wanted ?? size.maxOutput, size.maxOutput);
  const ahead = header.filter === undefined ? 0 : lookahead;
  const output = Buffer.allocUnsafeSlow(Math.min(wanted + ahead, size.maxOutput));
  const decoder = new Lzma2Decoder(input, header.end, output);
  await decoder.run(output.length);
  if (decoder.end === undefined && size.wanted === undefined) throw tooLong(size.maxOutput);
  const bytes = output.subarray(0, decoder.length);
  header.filter?.undo(bytes, header.filter.start);
  if (decoder.end !== undefined) verify(input, decoder.end, header.check, bytes);
  return bytes.subarray(0, wanted);
}

/** A branch filter changes what LZMA2 needs to go on, so it is only without one that going on is possible. */
function open(input: Buffer, maxOutput: number): PartialBlock {
  const header = readHeaders(input);
  if (header.filter !== undefined) return restarted(decompress, input, maxOutput);
  const output = Buffer.allocUnsafeSlow(maxOutput);
  const decoder = new Lzma2Decoder(input, header.end, output);
  return {
    get complete() {
      return decoder.end !== undefined;
    },
    async upTo(length) {
      const wasComplete = decoder.end !== undefined;
      await decoder.run(Math.min(length, maxOutput));
      const bytes = output.subarray(0, decoder.length);
      if (decoder.end === undefined && length >= maxOutput) throw tooLong(maxOutput);
      if (decoder.end !== undefined && !wasComplete) verify(input, decoder.end, header.check, bytes);
      return bytes;
    },
  };
}

function tooLong(maxOutput: number): CorruptBlock {
  return new CorruptBlock(`it expands to more than ${maxOutput} bytes`);
}

/** What comes before the compressed data. */
interface Headers {
  /** The kind of check that follows the block. */
  readonly check: number;
  /** Index of the compressed data. */
  readonly end: number;
  readonly filter: { readonly undo: BranchFilter; readonly start: number } | undefined;
}

function readHeaders(input: Buffer): Headers {
  return { check: streamHeader(input), ...blockHeader(input, streamHeaderSize) };
}

/** @returns the kind of check that follows each block */
function streamHeader(input: Buffer): number {
  if (input.length < streamHeaderSize) throw new CorruptBlock('it is shorter than an xz stream header');
  if (!input.subarray(0, magic.length).equals(magic)) throw new CorruptBlock('it has no xz magic');
  const flags = input.subarray(6, 8);
  if (crc32(flags) !== input.readUInt32LE(8)) throw new CorruptBlock('the CRC of its xz header is wrong');
  const [reserved, check] = flags;
  if (reserved !== 0 || (check !== noCheck && check !== crc32Check)) {
    throw new CorruptBlock(
      `xz stream flags 0x${flags.toString('hex')} (another check than CRC32) are not supported`,
    );
  }
  return check;
}

/** Size / 4 - 1, flags, optional sizes, one or two filters, padding, CRC32. */
function blockHeader(input: Buffer, start: number): Pick<Headers, 'end' | 'filter'> {
  const sizeByte = input[start] ?? 0;
  if (sizeByte === 0) throw new CorruptBlock('its xz stream has no block');
  const end = start + (sizeByte + 1) * 4;
  if (end > input.length) throw new CorruptBlock('its xz block header is cut off');
  const fields = input.subarray(start, end - 4);
  if (crc32(fields) !== input.readUInt32LE(end - 4))
    throw new CorruptBlock('the CRC of its xz block header is wrong');
  const flags = fields[1] ?? 0;
  if ((flags & 0x3c) !== 0)
    throw new CorruptBlock(`xz block flags 0x${flags.toString(16)} are not supported`);
  let at = 2;
  // compressed and uncompressed size: LZMA2 knows where it ends, and the caller how much may come
  if ((flags & 0x40) !== 0) at = integer(fields, at).end;
  if ((flags & 0x80) !== 0) at = integer(fields, at).end;
  const filters: Filter[] = [];
  for (let i = 0; i <= (flags & 3); i++) {
    const filter = filterFlags(fields, at);
    filters.push(filter);
    at = filter.end;
  }
  return { end, filter: branchFilter(filters) };
}

interface Filter {
  readonly id: number;
  readonly properties: Buffer;
  readonly end: number;
}

function filterFlags(fields: Buffer, at: number): Filter {
  const id = integer(fields, at);
  const size = integer(fields, id.end);
  const end = size.end + size.value;
  if (end > fields.length) throw new CorruptBlock('its xz filter properties are cut off');
  return { id: id.value, properties: fields.subarray(size.end, end), end };
}

/** What comes before LZMA2, which must be last. */
function branchFilter(filters: readonly Filter[]): Headers['filter'] {
  const last = filters.at(-1);
  const [first, ...more] = filters.slice(0, -1);
  if (last?.id !== lzma2Id || last.properties.length !== 1) {
    throw new CorruptBlock(`its last xz filter is 0x${(last?.id ?? 0).toString(16)}, not LZMA2`);
  }
  if (first === undefined) return undefined;
  const known = branchFilters.get(first.id);
  if (known === undefined || more.length > 0) {
    const ids = filters.map(({ id }) => `0x${id.toString(16)}`).join(', ');
    throw new CorruptBlock(`xz filters ${ids} are not supported`);
  }
  const start = first.properties.length === 4 ? first.properties.readUInt32LE(0) : 0;
  if ((first.properties.length !== 0 && first.properties.length !== 4) || start % known.alignment !== 0) {
    throw new CorruptBlock('the properties of its xz branch filter are wrong');
  }
  return { undo: known.undo, start };
}

/** An integer of the format: 7 bits a byte, lowest first, top bit set on all but the last. Larger than needed is corrupt. */
function integer(fields: Buffer, at: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let i = 0; i < 7; i++) {
    const byte = fields[at + i] ?? 0x80;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if ((byte & 0x80) === 0) return { value, end: at + i + 1 };
  }
  throw new CorruptBlock('an integer in its xz block header is too large or cut off');
}

/** The check after the block: the compressed data is padded to four bytes before it. */
function verify(input: Buffer, dataEnd: number, check: number, bytes: Buffer): void {
  if (check === noCheck) return;
  // the stream header's 12 bytes keep the alignment of the block's
  const at = (dataEnd + 3) & ~3;
  if (at + 4 > input.length) throw new CorruptBlock('its CRC is cut off');
  if (crc32(bytes) !== input.readUInt32LE(at)) throw new CorruptBlock('the CRC of its content is wrong');
}
