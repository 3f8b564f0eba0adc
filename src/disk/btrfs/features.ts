/**
 * Incompatible features, by the names of btrfs(5) and /sys/fs/btrfs/features. Compatible ones, those of compat_ro included
 * (free space tree, block group tree, fs-verity), concern only who writes.
 */

/** What changes nothing for a reader, or is read. RAID is told by each chunk, not by the flag. */
const readable: Readonly<Record<number, string>> = {
  0: 'mixed_backref',
  1: 'default_subvol',
  2: 'mixed_groups',
  3: 'compress_lzo',
  4: 'compress_zstd',
  5: 'big_metadata',
  6: 'extended_iref',
  7: 'raid56',
  8: 'skinny_metadata',
  9: 'no_holes',
  10: 'metadata_uuid',
  11: 'raid1c34',
  // the log of superblocks that a zoned device has is not looked for: in files, the superblock is where it always is
  12: 'zoned',
  16: 'simple_quota',
};

/** What changes where things are. */
const unreadable: Readonly<Record<number, string>> = {
  13: 'extent_tree_v2',
  14: 'raid_stripe_tree',
};

/** The number of the bit that says that nodes have an identifier other than the superblock's. */
export const metadataUuidBit = 10n;

/** The first feature that keeps us from reading, in words; undefined when there is none. */
export function unreadableFeature(incompat: bigint): string | undefined {
  for (let bit = 0; bit < 64; bit++) {
    if (((incompat >> BigInt(bit)) & 1n) === 0n || bit in readable) continue;
    const name = unreadable[bit];
    return name === undefined
      ? `the unknown feature bit ${bit} (incompat_flags 0x${incompat.toString(16)})`
      : `the feature ${name}`;
  }
  return undefined;
}

/** Flags of the superblock that say that its trees are not to be used, or are just being changed. */
const unfinished: Readonly<Record<number, string>> = {
  33: 'metadump',
  34: 'metadump_v2',
  35: 'changing_fsid',
  36: 'changing_fsid_v2',
  38: 'changing_bg_tree',
  39: 'changing_data_csum',
  40: 'changing_meta_csum',
};

/** Flags that do no harm: written, reloc, error, seeding. */
const harmless = 0x1_0000_0007n;

/** The first superblock flag that keeps us from reading, in words; undefined when there is none. */
export function unreadableFlag(flags: bigint): string | undefined {
  const found = flags & ~harmless;
  if (found === 0n) return undefined;
  const bit = found.toString(2).length - 1;
  const name = unfinished[bit];
  return name === undefined
    ? `the unknown superblock flag bit ${bit} (flags 0x${flags.toString(16)})`
    : `the superblock flag ${name}`;
}
