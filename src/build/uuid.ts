/** UUIDs that are the same whenever what they are made of is. */
import { createHash } from 'node:crypto';

/** RFC 9562, version 8: of a digest of the text. Lower case, with dashes. */
export function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return uuidFrom(bytes.toString('hex'));
}

/** @param hex 32 digits */
export function uuidFrom(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
