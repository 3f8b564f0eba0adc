/** Frames and blocks of zstd, RFC 8878 section 3.1. */
import { CorruptBlock } from '../codec.ts';
import type { OutputSize, PartialBlock } from '../codec.ts';
import { OutputBlock } from '../output-block.ts';
import { Pacer } from '../pace.ts';
import type { HuffmanTable } from './huffman.ts';
import { readLiterals } from './literals.ts';
import { runSequences } from './sequences.ts';
import type { RecentOffsets, SequenceMemory } from './sequences.ts';

const magic = 0xfd2fb528;
/** Frames of other data, to be skipped: sixteen magics, then a size. */
const skippableMagic = 0x184d2a50;

/** Most bytes that a block takes, and that it expands to. */
const maxBlockBytes = 128 * 1024;
/** What a block costs beside its output, in bytes of output: it may have four tables. */
const blockWork = 2048;

/** The types of blocks. */
const rawBlock = 0;
const repeatedByte = 1;
const compressedBlock = 2;

/** Decompresses all frames in `input`, or as much as is wanted. @throws CorruptBlock */
export async function decompress(input: Buffer, size: OutputSize): Promise<Buffer> {
  const output = new OutputBlock(size);
  const pacer = new Pacer();
  for (const work of frames(input, size, output)) await pacer.spend(work);
  return output.result();
}

/** Decompresses as many blocks as it takes, and goes on with the next. */
export function open(input: Buffer, maxOutput: number): PartialBlock {
  const output = new OutputBlock({ maxOutput });
  const pacer = new Pacer();
  const steps = frames(input, { maxOutput }, output);
  let complete = false;
  return {
    get complete() {
      return complete;
    },
    async upTo(length) {
      while (!complete && (output.length < length || length >= maxOutput)) {
        const step = steps.next();
        complete = step.done === true;
        if (step.done !== true) await pacer.spend(step.value);
      }
      return output.result();
    },
  };
}

/** The first frame of `input`, which something else follows; all of `input` where none can be made out. */
export function firstFrame(input: Buffer): Buffer {
  try {
    return input.subarray(0, frameEnd(input));
  } catch (error) {
    if (error instanceof CorruptBlock) return input;
    throw error;
  }
}

/** @throws CorruptBlock */
function frameEnd(input: Buffer): number {
  const header = frameHeader(input, 4);
  let at = header.end;
  for (let isLast = false; !isLast;) {
    const word = uint(input, at, 3);
    isLast = (word & 1) === 1;
    at += 3 + (((word >>> 1) & 3) === repeatedByte ? 1 : word >>> 3);
  }
  return header.hasChecksum ? at + 4 : at;
}

/** Decodes into `output`, a block at each step, until that has enough. @yields what the step cost, in bytes of output */
function* frames(input: Buffer, size: OutputSize, output: OutputBlock): Generator<number, void> {
  let at = 0;
  do {
    const frameMagic = uint(input, at, 4);
    if ((frameMagic & ~15) >>> 0 === skippableMagic) at += 8 + uint(input, at + 4, 4);
    else if (frameMagic === magic) at = yield* frame(input, at + 4, size, output);
    else throw new CorruptBlock(`0x${frameMagic.toString(16)} is not a zstd magic`);
  } while (at < input.length && !output.done());
}

/** @param at index after the magic @returns the index after the frame */
function* frame(input: Buffer, at: number, size: OutputSize, output: OutputBlock): Generator<number, number> {
  const header = frameHeader(input, at);
  const { contentBytes } = header;
  const tooLong = contentBytes !== undefined && contentBytes > BigInt(size.maxOutput);
  if (tooLong && size.wanted === undefined) {
    throw new CorruptBlock(`it says that it expands to ${contentBytes} bytes, more than ${size.maxOutput}`);
  }
  const start = output.length;
  const state: FrameState = { table: undefined, sequences: {}, recent: [1, 4, 8] };
  at = header.end;
  for (let isLast = false; !isLast;) {
    const word = uint(input, at, 3);
    isLast = (word & 1) === 1;
    const type = (word >>> 1) & 3;
    const length = word >>> 3;
    at += 3;
    if (length > maxBlockBytes) throw new CorruptBlock(`a block of ${length} bytes`);
    const stored = type === repeatedByte ? 1 : length;
    if (at + stored > input.length) throw new CorruptBlock('a block is cut off');
    const before = output.length;
    block(type, input.subarray(at, at + stored), length, state, output);
    if (output.done()) return at;
    yield output.length - before + blockWork;
    at += stored;
  }
  if (contentBytes !== undefined && BigInt(output.length - start) !== contentBytes) {
    throw new CorruptBlock(`a frame has ${output.length - start} bytes, and says ${contentBytes}`);
  }
  // the checksum is not verified: against an attacker it is no help, and images are made without it
  const end = header.hasChecksum ? at + 4 : at;
  if (end > input.length) throw new CorruptBlock('its checksum is cut off');
  return end;
}

/** What the blocks of a frame pass on. */
interface FrameState {
  table: HuffmanTable | undefined;
  sequences: SequenceMemory;
  readonly recent: RecentOffsets;
}

/** @param length of the stored bytes; of the output when they are one repeated byte */
function block(type: number, stored: Buffer, length: number, state: FrameState, output: OutputBlock): void {
  if (type === rawBlock) {
    output.literals(stored, 0, length);
  } else if (type === repeatedByte) {
    output.fill(stored[0] ?? 0, length);
  } else if (type === compressedBlock) {
    const before = output.length;
    const literals = readLiterals(stored, state.table);
    state.table = literals.table;
    const section = stored.subarray(literals.length);
    state.sequences = runSequences(section, literals.bytes, state.sequences, state.recent, output);
    if (output.length - before > maxBlockBytes)
      throw new CorruptBlock('a block expands to more than 128 KiB');
  } else {
    throw new CorruptBlock(`a block is of the reserved type ${type}`);
  }
}

interface FrameHeader {
  /** Index after it. */
  readonly end: number;
  /** Bytes that the frame expands to, where it says so. */
  readonly contentBytes: bigint | undefined;
  readonly hasChecksum: boolean;
}

/** Descriptor, window size, dictionary, content size. The window needs no memory here: the output is all in memory. */
function frameHeader(input: Buffer, at: number): FrameHeader {
  const descriptor = uint(input, at, 1);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0)
    throw new CorruptBlock(`its frame header descriptor 0x${descriptor.toString(16)} has a reserved bit set`);
  const windowBytes = isSingleSegment ? 0 : 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
  const dictionaryAt = at + 1 + windowBytes;
  const sizeAt = dictionaryAt + dictionaryBytes;
  const end = sizeAt + sizeBytes;
  if (end > input.length) throw new CorruptBlock('its header is cut off');
  const dictionary = dictionaryBytes === 0 ? 0 : input.readUIntLE(dictionaryAt, dictionaryBytes);
  if (dictionary !== 0) throw new CorruptBlock(`it needs the dictionary ${dictionary}`);
  return { end, contentBytes: contentSize(input, sizeAt, sizeBytes), hasChecksum: (descriptor & 0x04) !== 0 };
}

function contentSize(input: Buffer, at: number, length: number): bigint | undefined {
  if (length === 0) return undefined;
  if (length === 8) return input.readBigUInt64LE(at);
  // two bytes start where one byte ends
  return BigInt(input.readUIntLE(at, length) + (length === 2 ? 256 : 0));
}

function uint(input: Buffer, at: number, length: number): number {
  if (at + length > input.length) throw new CorruptBlock('it is cut off');
  return input.readUIntLE(at, length);
}
