/** The checksum of f2fs: CRC-32 of IEEE 802.3 with a start value of its own, and not inverted at the end. */
import { crc32 } from 'node:zlib';

/** What the checksums of the superblock, checkpoints and compressed clusters start from: the magic number. */
export const magicNumber = 0xf2f5_2010;

/** The CRC of `bytes`, continuing from `crc`. */
export function f2fsCrc(crc: number, bytes: Buffer): number {
  // zlib inverts before and after
  return ~crc32(bytes, ~crc >>> 0) >>> 0;
}
