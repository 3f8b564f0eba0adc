/**
 * Short names: eight bytes and an extension of three, padded with blanks. Microsoft, "FAT: General Overview of On-Disk
 * Format", "FAT Directory Structure"; shown as mount(8) says of vfat's option "shortname=mixed", the default.
 */
import { fromCodepage, lowerInCodepage } from './codepage.ts';

const baseSize = 8;
export const shortNameSize = 11;

/** The first byte stands for 0xe5, which would mark a deleted entry. */
const escapedMark = 0x05;
const deletedMark = 0xe5;

/** Flags of the byte behind the attributes, set by Windows NT: this part of the name is in lower case. */
const lowerBase = 0x08;
const lowerExtension = 0x10;

/**
 * A short name as it is shown.
 * @param stored the eleven bytes
 * @param caseFlags the byte behind the attributes
 */
export function shortName(stored: Buffer, caseFlags: number): string {
  const bytes = Buffer.from(stored);
  if (bytes[0] === escapedMark) bytes[0] = deletedMark;
  const base = part(bytes.subarray(0, baseSize), (caseFlags & lowerBase) !== 0);
  const extension = part(bytes.subarray(baseSize), (caseFlags & lowerExtension) !== 0);
  return extension === '' ? base : `${base}.${extension}`;
}

/** What long entries know the short name by. */
export function shortNameChecksum(stored: Buffer): number {
  let sum = 0;
  for (const byte of stored) sum = (((sum & 1) << 7) + (sum >>> 1) + byte) & 0xff;
  return sum;
}

function part(bytes: Buffer, isLower: boolean): string {
  const text = fromCodepage(bytes).replace(/ +$/, '');
  return isLower ? lowerInCodepage(text) : text;
}
