/** Which squashfs: kernel Documentation/filesystems/squashfs.rst; before 4.0 the byte order was the maker's. */

const majorOffset = 28;

/**
 * "squashfs" for version 4 (little-endian always) and any later one, which its reader refuses by name; "squashfs3" for
 * what came before, as blkid has it.
 */
export function squashfsType(bytes: Buffer): string | undefined {
  if (bytes.length < majorOffset + 2) return undefined;
  const littleEndian = bytes.subarray(0, 4).toString('latin1') === 'hsqs';
  const major = littleEndian ? bytes.readUInt16LE(majorOffset) : bytes.readUInt16BE(majorOffset);
  if (major >= 4) return littleEndian ? 'squashfs' : undefined;
  return major > 0 && major < 4 ? 'squashfs3' : undefined;
}
