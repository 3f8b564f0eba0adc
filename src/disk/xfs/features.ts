/**
 * The feature flags of an xfs superblock, by the names that xfs_db(8) and mkfs.xfs(8) have for them.
 * Bits: "XFS Algorithms & Data Structures", chapter "Superblocks" (sb_versionnum, sb_features_incompat).
 */

/** sb_versionnum: the version itself, and what flags of it concern reading. */
export const versionMask = 0xf;
export const versionFlags = {
  /** Names are found whatever the case of their ASCII letters. */
  asciiCi: 0x4000,
} as const;

const incompat = {
  ftype: 0x1,
  sparse: 0x2,
  metauuid: 0x4,
  bigtime: 0x8,
  needsrepair: 0x10,
  nrext64: 0x20,
  exchange: 0x40,
  parent: 0x80,
  metadir: 0x100,
  zoned: 0x200,
  zone_gaps: 0x400,
} as const;

export type FeatureName = keyof typeof incompat;

/** The names of the known incompatible features. */
export function featureNames(word: number): ReadonlySet<FeatureName> {
  const names = Object.keys(incompat) as FeatureName[];
  return new Set(names.filter((name) => (word & incompat[name]) !== 0));
}

/** The bits that no feature is known for: "0x4000". Undefined when there are none. */
export function unknownBits(word: number): string | undefined {
  const known = Object.values(incompat).reduce((all: number, bit) => all | bit, 0);
  const unknown = (word & ~known) >>> 0;
  return unknown === 0 ? undefined : `0x${unknown.toString(16)}`;
}
