/**
 * The checksums of superblock, tree blocks and data: one algorithm for all of a file system, told by the superblock.
 * https://btrfs.readthedocs.io/en/latest/Checksumming.html
 */
import { createHash } from 'node:crypto';
import { crc32c } from '../crc.ts';

export interface Checksum {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Of all of `bytes`, as it is stored. */
  readonly digest: (bytes: Buffer) => Buffer;
}

/** What csum_type may be, in this order; those of others are loaded when an image has them. */
const algorithms: readonly (() => Checksum | Promise<Checksum>)[] = [
  () => ({ name: 'crc32c', size: 4, digest: (bytes) => uint32(~crc32c(0xffff_ffff, bytes) >>> 0) }),
  async () => {
    const hashes = await (await import('xxhash-wasm')).default();
    return { name: 'xxhash64', size: 8, digest: (bytes) => uint64(hashes.h64Raw(bytes)) };
  },
  () => ({ name: 'sha256', size: 32, digest: (bytes) => createHash('sha256').update(bytes).digest() }),
  async () => {
    const { blake2b } = await import('@noble/hashes/blake2');
    return {
      name: 'blake2b',
      size: 32,
      digest: (bytes) => Buffer.from(blake2b(bytes, { dkLen: 32 }).buffer),
    };
  },
];

/** The algorithm of a csum_type; undefined when nobody knows it. */
export async function checksumOf(type: number): Promise<Checksum | undefined> {
  return await algorithms[type]?.();
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
