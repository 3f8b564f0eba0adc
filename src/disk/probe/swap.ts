/** Swap areas: kernel include/linux/swap.h, union swap_header, and mkswap(8). */

/** The header of an area with "SWAPSPACE2" starts here with its version, in the maker's byte order. */
const versionOffset = 1024;

/** Whether the version is the only one there is. Old areas, "SWAP-SPACE", have no header. */
export function isSwapVersion1(bytes: Buffer): boolean {
  if (bytes.length < versionOffset + 4) return false;
  return bytes.readUInt32LE(versionOffset) === 1 || bytes.readUInt32BE(versionOffset) === 1;
}
