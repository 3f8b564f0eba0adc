/**
 * Where the bytes of an image come from. File-system readers, partition tables and verity all take a
 * BlockSource, never a path: a whole file, a partition of it, or a verified view of one look the same.
 */
import { PortableError, quoted } from '../base/errors.ts';

/** Random access to read-only bytes. Offsets and sizes are bytes; bigint, since they may exceed 2^53. */
export interface BlockSource {
  /** What error messages call it: the image's path, with the partition where there is one. */
  readonly name: string;
  /** Bytes. */
  readonly size: bigint;
  /**
   * Exactly `length` bytes from `offset`. The buffer belongs to the caller.
   * @throws PortableError InvalidArgs when the range is not inside the source ("truncated"), IOError and the like
   *   when the medium fails
   */
  read(offset: bigint, length: number): Promise<Buffer>;
  /** Bytes of a logical sector, of a block device; undefined where there are no sectors. */
  readonly sectorSize?: number | undefined;
  /** Bytes read so far from the medium below (for the benchmark and `--json`). */
  readonly bytesRead: number;
  /** Releases what `open…` acquired. Safe to call twice. */
  close(): Promise<void>;
}

/** The part of `source` from `offset`, `size` bytes long. Closing the slice does not close the source. */
export function sliceSource(source: BlockSource, offset: bigint, size: bigint, label: string): BlockSource {
  if (offset < 0n || size < 0n || offset + size > source.size) {
    throw outOfRange(source, offset, size);
  }
  return {
    name: `${source.name} (${label})`,
    size,
    get bytesRead() {
      return source.bytesRead;
    },
    read(from, length) {
      if (from < 0n || from + BigInt(length) > size) {
        return Promise.reject(outOfRange(this, from, BigInt(length)));
      }
      return source.read(offset + from, length);
    },
    close: () => Promise.resolve(),
  };
}

/** A source over bytes in memory: tests, fuzzers, and blobs that are small anyway. */
export function memorySource(bytes: Uint8Array, name = 'memory'): BlockSource {
  const size = BigInt(bytes.byteLength);
  let bytesRead = 0;
  return {
    name,
    size,
    get bytesRead() {
      return bytesRead;
    },
    read(from, length) {
      if (from < 0n || from + BigInt(length) > size) {
        return Promise.reject(outOfRange(this, from, BigInt(length)));
      }
      bytesRead += length;
      const start = Number(from);
      return Promise.resolve(Buffer.from(bytes.subarray(start, start + length)));
    },
    close: () => Promise.resolve(),
  };
}

/** The error of every source for a range it does not have. */
export function outOfRange(
  source: Pick<BlockSource, 'name' | 'size'>,
  from: bigint,
  length: bigint,
): PortableError {
  return new PortableError(
    'InvalidArgs',
    `${quoted(source.name)} is truncated or corrupt: ${length} bytes at offset ${from} are outside its ${source.size} bytes`,
    { file: source.name, hint: 'copy the image again, or compare its checksum' },
  );
}
