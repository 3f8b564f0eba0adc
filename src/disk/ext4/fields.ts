/** Little-endian fields of on-disk structures: each structure is a table of these, declared once. */

/** Reads one unsigned field of a structure that starts at `base` of `bytes`. */
export type Field = (bytes: Buffer, base?: number) => number;

/** An 8-bit field, `offset` bytes into its structure. */
export function u8(offset: number): Field {
  return (bytes, base = 0) => bytes.readUInt8(base + offset);
}

/** A 16-bit field, `offset` bytes into its structure. */
export function u16(offset: number): Field {
  return (bytes, base = 0) => bytes.readUInt16LE(base + offset);
}

/** A 32-bit field, `offset` bytes into its structure. */
export function u32(offset: number): Field {
  return (bytes, base = 0) => bytes.readUInt32LE(base + offset);
}

/** A number whose upper part is stored elsewhere: 32 bits and up to 21 more, so that it stays exact. */
export function joined(low: number, high: number): number {
  return high * 0x1_0000_0000 + low;
}

/** `value` as four little-endian bytes: what the checksums take in. */
export function le32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}
