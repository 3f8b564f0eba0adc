/** Big-endian fields of on-disk structures: each structure is a table of these, declared once. */

/** Reads one unsigned field of a structure that starts at `base` of `bytes`. */
export type Field = (bytes: Buffer, base?: number) => number;

/** An 8-bit field, `offset` bytes into its structure. */
export function u8(offset: number): Field {
  return (bytes, base = 0) => bytes.readUInt8(base + offset);
}

/** A 16-bit field, `offset` bytes into its structure. */
export function u16(offset: number): Field {
  return (bytes, base = 0) => bytes.readUInt16BE(base + offset);
}

/** A 32-bit field, `offset` bytes into its structure. */
export function u32(offset: number): Field {
  return (bytes, base = 0) => bytes.readUInt32BE(base + offset);
}

/** A 64-bit field, `offset` bytes into its structure. */
export function u64(offset: number): (bytes: Buffer, base?: number) => bigint {
  return (bytes, base = 0) => bytes.readBigUInt64BE(base + offset);
}
