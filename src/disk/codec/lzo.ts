/**
 * LZO1X, and LZO-RLE, which has runs of zeros besides. Format: kernel Documentation/staging/lzo.rst. Every instruction
 * copies a match, then 0 to 3 literals; a long run of literals is an instruction of its own. What a low opcode means
 * depends on the literals before it.
 */
import { CorruptBlock } from './codec.ts';
import type { Codec, OutputSize } from './codec.ts';
import { OutputBlock } from './output-block.ts';

/** The literals that preceded: 0 to 3 behind a match, or a run of at least four. */
const afterRun = 4;

/** A stream of at least five bytes that starts with this has its version next. Without it is 0; 1 has runs of zeros. */
const versionMark = 17;
const shortestVersioned = 5;
const newestVersion = 1;

/** The instruction of a match far away whose distance is as large as can be is a run of zeros, of at least four. */
const runOpcode = { mask: 0xf8, value: 0x18 };
const runDistance = 0xfffc;
const shortestRun = 4;

// an async function, so that what it throws becomes a rejection
export const lzo: Codec = { decompress: async (input, size) => await Promise.resolve(decode(input, size)) };

function decode(input: Buffer, size: OutputSize): Buffer {
  const output = new OutputBlock(size);
  const version = versionOf(input);
  let at = version === 0 ? 0 : 2;
  let literalsBefore = 0;

  const byte = (): number => {
    const value = input[at++];
    if (value === undefined) throw new CorruptBlock('it is cut off');
    return value;
  };

  /** A length field of 0 goes on in the bytes that follow: zeros count 255 each, then one that is not zero. */
  const longer = (field: number, ifZero: number): number => {
    if (field !== 0) return field;
    let length = ifZero;
    for (;;) {
      const value = byte();
      if (value !== 0) return length + value;
      length += 255;
    }
  };

  const literals = (count: number): void => {
    output.literals(input, at, count);
    at += count;
    literalsBefore = Math.min(count, afterRun);
  };

  // only the first byte can be a run of literals of its own kind
  if ((input[at] ?? 0) > 17) literals(byte() - 17);

  while (!output.done()) {
    const opcode = byte();
    let trailing = opcode & 3;
    if (opcode >= 128) {
      output.match((byte() << 3) + ((opcode >>> 2) & 7) + 1, 5 + ((opcode >>> 5) & 3));
    } else if (opcode >= 64) {
      output.match((byte() << 3) + ((opcode >>> 2) & 7) + 1, 3 + ((opcode >>> 5) & 1));
    } else if (version > 0 && isZeroRun(opcode, input, at)) {
      trailing = byte() & 3;
      at++;
      output.fill(0, (byte() << 3) + (opcode & 7) + shortestRun);
    } else if (opcode >= 16) {
      const isNear = opcode >= 32;
      const length = 2 + (isNear ? longer(opcode & 31, 31) : longer(opcode & 7, 7));
      const word = byte() | (byte() << 8);
      const far = isNear ? 1 : 16384 + ((opcode & 8) << 11);
      if (!isNear && far + (word >>> 2) === 16384) {
        endMarker(length, at, input);
        return output.result();
      }
      output.match(far + (word >>> 2), length);
      trailing = word & 3;
    } else if (literalsBefore === 0) {
      literals(3 + longer(opcode, 15));
      literalsBefore = afterRun;
      continue;
    } else if (literalsBefore === afterRun) {
      output.match((byte() << 2) + (opcode >>> 2) + 2049, 3);
    } else {
      output.match((byte() << 2) + (opcode >>> 2) + 1, 2);
    }
    literals(trailing);
  }
  return output.result();
}

function versionOf(input: Buffer): number {
  if (input[0] !== versionMark || input.length < shortestVersioned) return 0;
  const version = input[1] ?? 0;
  if (version > newestVersion) throw new CorruptBlock(`its version is ${version}, which is not known`);
  return version;
}

function isZeroRun(opcode: number, input: Buffer, at: number): boolean {
  if ((opcode & runOpcode.mask) !== runOpcode.value || at + 2 > input.length) return false;
  return (input.readUInt16LE(at) & runDistance) === runDistance;
}

/** The end marker is a match of 3 bytes, and the last of the input. */
function endMarker(length: number, at: number, input: Buffer): void {
  if (length !== 3) throw new CorruptBlock('its end marker is wrong');
  if (at !== input.length) throw new CorruptBlock(`${input.length - at} bytes follow its end marker`);
}
