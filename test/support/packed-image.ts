/**
 * Images in which next to nothing is used, without the rest: the numbers of their blocks that are, and then these blocks. A
 * file system that cannot be made smaller than 16 MiB becomes one of 100 KiB, to be kept as a fixture, and mutated.
 */
import type { BlockSource } from '../../src/disk/source.ts';

/** Bytes of a block; all that is before the blocks fits in whole ones. */
export const packedBlock = 4096;

/** Blocks in the image, blocks that are used. */
const headerBytes = 8;

/** @param used the numbers of the blocks to keep */
export function pack(image: Buffer, used: Iterable<number>): Buffer {
  const numbers = [...new Set(used)].sort((a, b) => a - b);
  const header = Buffer.alloc(firstBlock(numbers.length));
  header.writeUInt32LE(image.length / packedBlock, 0);
  header.writeUInt32LE(numbers.length, 4);
  numbers.forEach((number, i) => header.writeUInt32LE(number, headerBytes + 4 * i));
  const blocks = numbers.map((number) => image.subarray(number * packedBlock, (number + 1) * packedBlock));
  return Buffer.concat([header, ...blocks]);
}

/** The whole image, zeros where it was not used. */
export function unpack(packed: Buffer): Buffer {
  const image = Buffer.alloc(packed.readUInt32LE(0) * packedBlock);
  for (const [number, at] of blocksOf(packed)) {
    packed.copy(image, number * packedBlock, at, at + packedBlock);
  }
  return image;
}

/** The number of each block in the image → where it is in `packed`. Wrong numbers do no harm. */
export function blocksOf(packed: Buffer): Map<number, number> {
  const count = Math.min(packed.readUInt32LE(4), (packed.length - headerBytes) >>> 2);
  const start = firstBlock(count);
  return new Map(
    Array.from({ length: count }, (_, i) => [
      packed.readUInt32LE(headerBytes + 4 * i),
      start + i * packedBlock,
    ]),
  );
}

/** The whole image, as a source that reads from a packed one. */
export async function unpackedSource(packed: BlockSource): Promise<BlockSource> {
  const start = await packed.read(0n, headerBytes);
  const count = Math.min(start.readUInt32LE(4), Number(packed.size - BigInt(headerBytes)) >>> 2);
  const blocks = blocksOf(await packed.read(0n, headerBytes + 4 * count));
  return {
    name: packed.name,
    size: BigInt(start.readUInt32LE(0)) * BigInt(packedBlock),
    get bytesRead() {
      return packed.bytesRead;
    },
    async read(offset, length) {
      if (length > 4 * 1024 * 1024) throw new Error(`promise broken: a read of ${length} bytes at once`);
      const bytes = Buffer.alloc(length);
      for (let done = 0; done < length;) {
        const at = offset + BigInt(done);
        const within = Number(at % BigInt(packedBlock));
        const part = Math.min(packedBlock - within, length - done);
        const place = blocks.get(Number(at / BigInt(packedBlock)));
        if (place !== undefined) (await packed.read(BigInt(place + within), part)).copy(bytes, done);
        done += part;
      }
      return bytes;
    },
    close: () => Promise.resolve(),
  };
}

function firstBlock(count: number): number {
  return Math.ceil((headerBytes + 4 * count) / packedBlock) * packedBlock;
}
