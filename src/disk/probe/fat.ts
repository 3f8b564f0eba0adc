/**
 * Whether a boot sector is that of a FAT file system, which looks much like a master boot record: its parameter
 * block must make sense. Microsoft, "FAT: General Overview of On-Disk Format".
 */

const sectorSizes = [512, 1024, 2048, 4096];

/** @param bytes the medium from its start */
export function isFat(bytes: Buffer): boolean {
  if (bytes.length < 512) return false;
  const labelled = [54, 82].some((offset) =>
    /^FAT(12|16|32)? +$/.test(bytes.toString('latin1', offset, offset + 8)),
  );
  const bootable = [0xeb, 0xe9].includes(bytes.readUInt8(0)) && bytes.readUInt16LE(510) === 0xaa55;
  return (labelled || bootable) && parametersMakeSense(bytes);
}

function parametersMakeSense(bytes: Buffer): boolean {
  const sectorsPerCluster = bytes.readUInt8(13);
  const reservedSectors = bytes.readUInt16LE(14);
  const tables = bytes.readUInt8(16);
  const sectors = bytes.readUInt16LE(19) || bytes.readUInt32LE(32);
  const media = bytes.readUInt8(21);
  const sectorsPerTable = bytes.readUInt16LE(22) || bytes.readUInt32LE(36);
  return (
    sectorSizes.includes(bytes.readUInt16LE(11)) &&
    isPowerOfTwo(sectorsPerCluster) &&
    reservedSectors > 0 &&
    tables > 0 &&
    (media === 0xf0 || media >= 0xf8) &&
    sectorsPerTable > 0 &&
    sectors > reservedSectors + tables * sectorsPerTable
  );
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
