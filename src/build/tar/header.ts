/**
 * The 512-byte header of a tar entry: POSIX.1-2024 "ustar Interchange Format", and GNU tar's own fields
 * (GNU tar manual, "Basic Tar Format").
 */
import { CorruptTar } from './errors.ts';

export const blockBytes = 512;

/** The fixed fields, as stored; extended headers may override them. */
export interface TarHeader {
  /** One character: "0" for a file, "5" for a directory and so on. */
  readonly type: string;
  readonly path: Buffer;
  readonly linkTarget: Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes that follow the header, before padding. */
  readonly size: number;
  readonly device: { readonly major: number; readonly minor: number };
}

/** Fields: where they are in the block, [start, end). */
const field = {
  name: [0, 100],
  mode: [100, 108],
  uid: [108, 116],
  gid: [116, 124],
  size: [124, 136],
  checksum: [148, 156],
  type: [156, 157],
  linkName: [157, 257],
  magic: [257, 263],
  major: [329, 337],
  minor: [337, 345],
  prefix: [345, 500],
} as const satisfies Record<string, readonly [number, number]>;

type Range = readonly [start: number, end: number];

/**
 * @param block 512 bytes, not all of them 0
 * @throws CorruptTar
 */
export function parseHeader(block: Buffer): TarHeader {
  checkSum(block);
  const type = block.toString('latin1', ...field.type);
  const isUstar = block.toString('latin1', ...field.magic) === 'ustar\0';
  const name = text(block, field.name);
  // GNU tar ("ustar  ") uses the bytes of the prefix for other things
  const prefix = isUstar ? text(block, field.prefix) : Buffer.alloc(0);
  const hasDevice = type === '3' || type === '4';
  return {
    type: type === '\0' ? '0' : type,
    path: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]),
    linkTarget: text(block, field.linkName),
    mode: number(block, field.mode, 'mode') & 0o7777,
    uid: number(block, field.uid, 'uid'),
    gid: number(block, field.gid, 'gid'),
    size: number(block, field.size, 'size'),
    device: hasDevice
      ? { major: number(block, field.major, 'device'), minor: number(block, field.minor, 'device') }
      : { major: 0, minor: 0 },
  };
}

/** Whether a block is one of those that end an archive. */
export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/** Bytes up to the next multiple of 512. */
export function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

/**
 * A number of a header: octal digits, or, with the highest bit set, big-endian binary (GNU).
 * @throws CorruptTar when it is neither, negative, or beyond 2^53
 */
export function number(block: Buffer, [start, end]: Range, what: string): number {
  const bytes = block.subarray(start, end);
  const first = bytes[0] ?? 0;
  if ((first & 0x80) !== 0) return binary(bytes, what);
  const digits = bytes
    .toString('latin1')
    .replace(/\0[^]*$/, '')
    .trim();
  if (digits === '') return 0;
  const value = /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
  if (!Number.isSafeInteger(value)) throw new CorruptTar(`has ${JSON.stringify(digits)} as its ${what}`);
  return value;
}

function binary(bytes: Buffer, what: string): number {
  let value = BigInt((bytes[0] ?? 0) & 0x7f);
  for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
  // the bit below the marker is the sign
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new CorruptTar(`has a ${what} that is negative or beyond all measure`);
  }
  return Number(value);
}

/** The sum of the header's bytes, its own field taken as blanks; some old programs summed signed bytes. */
function checkSum(block: Buffer): void {
  const [start, end] = field.checksum;
  let unsigned = 0;
  let signed = 0;
  for (const [at, stored] of block.entries()) {
    const byte = at >= start && at < end ? 0x20 : stored;
    unsigned += byte;
    signed += byte >= 0x80 ? byte - 0x100 : byte;
  }
  const expected = number(block, field.checksum, 'checksum');
  if (expected !== unsigned && expected !== signed) {
    throw new CorruptTar('does not match its checksum');
  }
}

/** Bytes up to the first NUL. */
function text(block: Buffer, [start, end]: Range): Buffer {
  const bytes = block.subarray(start, end);
  const nul = bytes.indexOf(0);
  return nul < 0 ? bytes : bytes.subarray(0, nul);
}
