/** The hash of names in directories and attributes: "XFS Algorithms & Data Structures", chapter "Directories". */

/** 32 bits, rotated by seven for each byte. */
export function nameHash(name: Uint8Array): number {
  let hash = 0;
  for (const byte of name) hash = byte ^ ((hash << 7) | (hash >>> 25));
  return hash >>> 0;
}
