/**
 * The feature flags of an ext2/3/4 superblock, by the names that mke2fs(8) and ext4(5) call them.
 * Bits: https://docs.kernel.org/filesystems/ext4/super.html ("compatible features field" and the two after it).
 */

const compat = {
  dir_prealloc: 0x1,
  imagic_inodes: 0x2,
  has_journal: 0x4,
  ext_attr: 0x8,
  resize_inode: 0x10,
  dir_index: 0x20,
  sparse_super2: 0x200,
  fast_commit: 0x400,
  stable_inodes: 0x800,
  orphan_file: 0x1000,
} as const;

const incompat = {
  compression: 0x1,
  filetype: 0x2,
  needs_recovery: 0x4,
  journal_dev: 0x8,
  meta_bg: 0x10,
  extent: 0x40,
  '64bit': 0x80,
  mmp: 0x100,
  flex_bg: 0x200,
  ea_inode: 0x400,
  dirdata: 0x1000,
  metadata_csum_seed: 0x2000,
  large_dir: 0x4000,
  inline_data: 0x8000,
  encrypt: 0x10000,
  casefold: 0x20000,
} as const;

const roCompat = {
  sparse_super: 0x1,
  large_file: 0x2,
  btree_dir: 0x4,
  huge_file: 0x8,
  uninit_bg: 0x10,
  dir_nlink: 0x20,
  extra_isize: 0x40,
  quota: 0x100,
  bigalloc: 0x200,
  metadata_csum: 0x400,
  read_only: 0x1000,
  project: 0x2000,
  shared_blocks: 0x4000,
  verity: 0x8000,
  orphan_present: 0x10000,
} as const;

/** The three flag words as stored. */
export interface FeatureWords {
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;
}

export type FeatureName = keyof typeof compat | keyof typeof incompat | keyof typeof roCompat;

/** The incompatible features this reader does not understand: a file system that has one is refused. */
const unreadable: ReadonlySet<string> = new Set(['compression', 'dirdata']);

/** What a file system may have and still be called ext2 or ext3 (with a journal), as blkid(8) does. */
const oldIncompat = incompat.filetype | incompat.needs_recovery | incompat.meta_bg;
const oldRoCompat = roCompat.sparse_super | roCompat.large_file | roCompat.btree_dir;

/** The names of the known flags that are set. */
export function featureNames(words: FeatureWords): ReadonlySet<FeatureName> {
  return new Set([
    ...setFlags(compat, words.compat),
    ...setFlags(incompat, words.incompat),
    ...setFlags(roCompat, words.roCompat),
  ]);
}

/** The incompatible features that keep us from reading: names, or the bit ("incompat bit 0x80000000"). */
export function unreadableFeatures(words: FeatureWords): string[] {
  const found: string[] = setFlags(incompat, words.incompat).filter((name) => unreadable.has(name));
  const known = Object.values(incompat).reduce((all: number, bit) => all | bit, 0);
  for (let bit = 1; bit <= 0x8000_0000; bit *= 2) {
    if ((words.incompat & bit) !== 0 && (known & bit) === 0) found.push(`incompat bit 0x${bit.toString(16)}`);
  }
  return found;
}

/** Which of the three file systems this is, by the rule of blkid(8). */
export function extType(words: FeatureWords): 'ext2' | 'ext3' | 'ext4' {
  if ((words.incompat & ~oldIncompat) !== 0 || (words.roCompat & ~oldRoCompat) !== 0) return 'ext4';
  return (words.compat & compat.has_journal) === 0 ? 'ext2' : 'ext3';
}

function setFlags<Name extends string>(flags: Readonly<Record<Name, number>>, word: number): Name[] {
  return (Object.keys(flags) as Name[]).filter((name) => (word & flags[name]) !== 0);
}
