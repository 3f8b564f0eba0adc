/**
 * The feature flags of the superblock, by the names that mkfs.f2fs(8) has for them;
 * https://docs.kernel.org/filesystems/f2fs.html and /sys/fs/f2fs/features of a kernel.
 */

const bits = {
  encrypt: 0x1,
  blkzoned: 0x2,
  atomic_write: 0x4,
  extra_attr: 0x8,
  project_quota: 0x10,
  inode_checksum: 0x20,
  flexible_inline_xattr: 0x40,
  quota: 0x80,
  inode_crtime: 0x100,
  lost_found: 0x200,
  verity: 0x400,
  sb_checksum: 0x800,
  casefold: 0x1000,
  compression: 0x2000,
  ro: 0x4000,
  device_alias: 0x8000,
  packed_ssa: 0x1_0000,
} as const;

export type FeatureName = keyof typeof bits;

/** Those that put things where this reader does not look. */
const unreadable: readonly FeatureName[] = ['blkzoned', 'device_alias', 'packed_ssa'];

/** The names of the known flags that are set. */
export function featureNames(word: number): ReadonlySet<FeatureName> {
  return new Set((Object.keys(bits) as FeatureName[]).filter((name) => (word & bits[name]) !== 0));
}

/** What keeps us from reading: names, or "bit 0x80000000". */
export function unreadableFeatures(word: number): string[] {
  const found: string[] = unreadable.filter((name) => (word & bits[name]) !== 0);
  const known = Object.values(bits).reduce((all: number, bit) => all | bit, 0);
  for (let bit = 1; bit <= 0x8000_0000; bit *= 2) {
    if ((word & bit) !== 0 && (known & bit) === 0) found.push(`bit 0x${bit.toString(16)}`);
  }
  return found;
}
