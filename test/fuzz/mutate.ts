/**
 * Deterministic mutations of image bytes. A mutation knows nothing of the format but where its structures lie
 * (`hot` ranges); checksums are not repaired, so base images should have none, or few.
 */
import type { Random } from '../support/random.ts';

/** A small valid image to start from. */
export interface BaseImage {
  /** For reports: how it was made. */
  readonly name: string;
  readonly bytes: Buffer;
  /** Byte ranges [start, end) of structures; half of the mutations go there. */
  readonly hot?: readonly (readonly [start: number, end: number])[];
}

/** A copy of the image with one to eight random changes; possibly shorter. */
export function mutate(image: BaseImage, random: Random): Buffer {
  let bytes = Buffer.from(image.bytes);
  const changes = 1 + random.below(random.below(4) === 0 ? 8 : 2);
  for (let i = 0; i < changes; i++) {
    if (random.below(60) === 0) {
      bytes = bytes.subarray(0, random.below(bytes.length + 1));
    } else if (bytes.length >= 16) {
      random.pick(operators)(bytes, place(image, bytes, random), random);
    }
  }
  return bytes;
}

/** Where to change something: an index with at least 8 bytes behind it. */
function place(image: BaseImage, bytes: Buffer, random: Random): number {
  const last = bytes.length - 8;
  if (image.hot === undefined || image.hot.length === 0 || random.below(2) === 0)
    return random.below(last + 1);
  const [start, end] = random.pick(image.hot);
  return Math.min(start + random.below(Math.max(1, end - start)), last);
}

/** Changes something at `at`; 8 bytes from there are inside. */
type Operator = (bytes: Buffer, at: number, random: Random) => void;

const operators: readonly Operator[] = [
  function flipBit(bytes, at, random) {
    bytes[at]! ^= 1 << random.below(8);
  },
  function setByte(bytes, at, random) {
    bytes[at] = random.pick([0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, random.below(256)]);
  },
  function step(bytes, at, random) {
    bytes[at] = (bytes[at]! + random.pick([-2, -1, 1, 2])) & 0xff;
  },
  function set16(bytes, at, random) {
    bytes.writeUInt16LE(random.pick([0, 1, 0x7fff, 0x8000, 0xffff, random.below(0x10000)]), at);
  },
  function set32(bytes, at, random) {
    bytes.writeUInt32LE(interesting32(bytes, random), at);
  },
  function add32(bytes, at, random) {
    const delta = random.pick([-0x10000, -4096, -256, -1, 1, 256, 4096, 0x10000, random.below(bytes.length)]);
    bytes.writeUInt32LE((bytes.readUInt32LE(at) + delta) >>> 0, at);
  },
  function set64(bytes, at, random) {
    const low = BigInt(interesting32(bytes, random));
    bytes.writeBigUInt64LE(
      random.pick([0n, 1n, low, low << 32n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 53n, low * low]),
      at,
    );
  },
  function aligned32(bytes, at, random) {
    bytes.writeUInt32LE(interesting32(bytes, random), at & ~3);
  },
  function big32(bytes, at, random) {
    bytes.writeUInt32BE(interesting32(bytes, random), at);
  },
  function zeros(bytes, at, random) {
    bytes.fill(0, at, Math.min(bytes.length, at + 1 + random.below(64)));
  },
  function noise(bytes, at, random) {
    random.bytes(1 + random.below(16)).copy(bytes, at);
  },
  function copyRange(bytes, at, random) {
    const from = random.below(bytes.length);
    bytes.copyWithin(at, from, from + 1 + random.below(64));
  },
  function swap32(bytes, at, random) {
    const other = random.below(bytes.length - 7);
    const value = bytes.readUInt32LE(at);
    bytes.writeUInt32LE(bytes.readUInt32LE(other), at);
    bytes.writeUInt32LE(value, other);
  },
];

/** Numbers at which sizes, counts and offsets break. */
function interesting32(bytes: Buffer, random: Random): number {
  return random.pick([
    0,
    1,
    2,
    0x7fff,
    0xffff,
    0x10000,
    0xfffff,
    0x100000,
    0x1000000,
    0x7fffffff,
    0x80000000,
    0xfffffffe,
    0xffffffff,
    bytes.length,
    bytes.length - 1,
    random.below(bytes.length),
    random.uint32(),
  ]);
}
