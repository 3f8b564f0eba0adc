/**
 * Cyclic redundancy checks of file systems: CRC-32C (Castagnoli; RFC 3720, appendix B.4) for ext4's metadata_csum,
 * erofs' superblock and the metadata of xfs, CRC-16 for ext4's older gdt_csum. Both are used raw: no inversion at the end,
 * and the caller gives the start value, so that parts chain.
 */

/** CRC-32C of bytes [start, end), continuing from `crc`; ext4 and erofs start with 0xffffffff. */
export function crc32c(crc: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  let value = crc;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    value ^=
      byte(bytes, at) |
      (byte(bytes, at + 1) << 8) |
      (byte(bytes, at + 2) << 16) |
      (byte(bytes, at + 3) << 24);
    value =
      entry(fourTables, 768 + (value & 0xff)) ^
      entry(fourTables, 512 + ((value >>> 8) & 0xff)) ^
      entry(fourTables, 256 + ((value >>> 16) & 0xff)) ^
      entry(fourTables, value >>> 24);
  }
  for (; at < end; at++) value = (value >>> 8) ^ entry(fourTables, (value ^ byte(bytes, at)) & 0xff);
  return value >>> 0;
}

/** CRC-16 (polynomial x¹⁶+x¹⁵+x²+1, reflected) of bytes [start, end), continuing from `crc`. */
export function crc16(crc: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  let value = crc;
  for (let at = start; at < end; at++) {
    value ^= byte(bytes, at);
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xa001;
  }
  return value;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function entry(table: Int32Array, at: number): number {
  return table[at] ?? 0;
}

/**
 * Table n (of four, 256 entries each) advances one byte over n zero bytes behind it, so that four bytes are
 * taken in at once.
 */
const fourTables = makeTables(0x82f63b78);

function makeTables(polynomial: number): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
    tables[value] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = entry(tables, at - 256);
    tables[at] = (before >>> 8) ^ entry(tables, before & 0xff);
  }
  return tables;
}
