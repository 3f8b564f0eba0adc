/**
 * LZ4 blocks (without a frame). Format: github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md.
 * A MiB takes a few milliseconds, so there is no need to work in slices.
 */
import { CorruptBlock } from './codec.ts';
import type { Codec, OutputSize } from './codec.ts';
import { OutputBlock } from './output-block.ts';

/** A match is at least this long, and its length counts from there. */
const minMatch = 4;

// an async function, so that what it throws becomes a rejection
export const lz4: Codec = { decompress: async (input, size) => await Promise.resolve(decode(input, size)) };

function decode(input: Buffer, size: OutputSize): Buffer {
  const output = new OutputBlock(size);
  let at = 0;

  /** A length of 15 goes on in the bytes that follow: any number of 255s, then one that is less. */
  const longer = (length: number): number => {
    if (length < 15) return length;
    for (;;) {
      const byte = input[at++];
      if (byte === undefined) throw new CorruptBlock('a length is cut off');
      length += byte;
      if (byte !== 255) return length;
    }
  };

  while (!output.done()) {
    const token = input[at++];
    if (token === undefined) throw new CorruptBlock('it is cut off');
    const literals = longer(token >>> 4);
    output.literals(input, at, literals);
    at += literals;
    // the last sequence has no match
    if (at === input.length || output.done()) break;
    if (at + 2 > input.length) throw new CorruptBlock('an offset is cut off');
    const distance = input.readUInt16LE(at);
    at += 2;
    output.match(distance, minMatch + longer(token & 15));
  }
  return output.result();
}
