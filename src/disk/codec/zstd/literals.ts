/** The literals section of a compressed block, RFC 8878 section 3.1.1.3.1. */
import { CorruptBlock } from '../codec.ts';
import { decodeStream, readHuffmanTable } from './huffman.ts';
import type { HuffmanTable } from './huffman.ts';

/** Literals of one block, as of any block content, bytes. */
const maxLiterals = 128 * 1024;

/** The kinds of literals section, bits 0–1 of its header. */
const raw = 0;
const repeated = 1;
const compressed = 2;

export interface Literals {
  readonly bytes: Buffer;
  /** The table used, which the next block may use again. */
  readonly table: HuffmanTable | undefined;
  /** Bytes that the section takes. */
  readonly length: number;
}

/**
 * Reads the section that `block` starts with.
 * @param before the table of the block before this one
 * @throws CorruptBlock
 */
export function readLiterals(block: Buffer, before: HuffmanTable | undefined): Literals {
  const first = block[0] ?? 0;
  const kind = first & 3;
  const format = (first >>> 2) & 3;
  if (kind === raw || kind === repeated) {
    const headerBytes = format === 1 ? 2 : format === 3 ? 3 : 1;
    const size = uint(block, headerBytes) >>> (headerBytes === 1 ? 3 : 4);
    checkSize(size);
    const length = headerBytes + (kind === raw ? size : 1);
    if (length > block.length) throw new CorruptBlock('its literals are cut off');
    const bytes =
      kind === raw ? block.subarray(headerBytes, length) : Buffer.alloc(size, block[headerBytes] ?? 0);
    return { bytes, table: before, length };
  }
  return readCompressed(block, format, kind === compressed ? undefined : before);
}

/** @param given the table to use; undefined when it is in the section */
function readCompressed(block: Buffer, format: number, given: HuffmanTable | undefined): Literals {
  const headerBytes = format < 2 ? 3 : format + 2;
  const sizeBits = [10, 10, 14, 18][format] ?? 0;
  const header = uint(block, headerBytes);
  // up to 40 bits: beyond what shifts can do
  const size = Math.floor(header / 16) % 2 ** sizeBits;
  const compressedSize = Math.floor(header / 2 ** (4 + sizeBits));
  checkSize(size);
  const length = headerBytes + compressedSize;
  if (length > block.length) throw new CorruptBlock('its literals are cut off');
  let content = block.subarray(headerBytes, length);
  let table = given;
  if (table === undefined) {
    if (((block[0] ?? 0) & 3) !== compressed)
      throw new CorruptBlock('its literals need a table that there is not');
    const read = readHuffmanTable(content);
    table = read.table;
    content = content.subarray(read.length);
  }
  const bytes = Buffer.allocUnsafe(size);
  if (format === 0) decodeStream(table, content, bytes);
  else decodeFourStreams(table, content, bytes);
  return { bytes, table, length };
}

/** Four streams, each with a quarter of the literals; the sizes of the first three come first, 16 bits each. */
function decodeFourStreams(table: HuffmanTable, content: Buffer, target: Buffer): void {
  if (content.length < 6) throw new CorruptBlock('its literals are cut off');
  const quarter = (target.length + 3) >>> 2;
  let at = 6;
  for (let i = 0; i < 4; i++) {
    const end = i < 3 ? at + content.readUInt16LE(i * 2) : content.length;
    const start = i * quarter;
    if (end > content.length || start > target.length)
      throw new CorruptBlock('its streams of literals are wrong');
    decodeStream(
      table,
      content.subarray(at, end),
      target.subarray(start, i < 3 ? start + quarter : undefined),
    );
    at = end;
  }
}

function checkSize(size: number): void {
  if (size > maxLiterals) throw new CorruptBlock(`a block has ${size} bytes of literals`);
}

function uint(bytes: Buffer, length: number): number {
  if (length > bytes.length) throw new CorruptBlock('its literals are cut off');
  return bytes.readUIntLE(0, length);
}
