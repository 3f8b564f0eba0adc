/**
 * The checksums of version 5: CRC-32C of the whole structure, its own four bytes taken as zeros; unlike all other
 * fields it is stored with the lowest byte first. "XFS Algorithms & Data Structures", chapter "Self-Describing Metadata".
 */
import { crc32c } from '../crc.ts';

const start = 0xffff_ffff;
const size = 4;
const zeros = Buffer.alloc(size);

/** The checksum of a structure that keeps it `at` bytes from its start. */
export function checksumOf(structure: Buffer, at: number): number {
  const before = crc32c(start, structure, 0, at);
  return ~crc32c(crc32c(before, zeros), structure, at + size) >>> 0;
}

/** Whether the checksum that a structure keeps `at` bytes from its start is right. */
export function checksumMatches(structure: Buffer, at: number): boolean {
  return checksumOf(structure, at) === structure.readUInt32LE(at);
}
