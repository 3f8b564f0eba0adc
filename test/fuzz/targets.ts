/** The readers that are fuzzed. */
import type { FuzzTarget } from './fuzz.ts';

/** Name on the command line → the target. Add a line for a new reader. */
export const fuzzTargets: Readonly<Record<string, () => Promise<FuzzTarget>>> = {
  squashfs: async () => (await import('./squashfs.ts')).squashfsTarget,
  erofs: async () => (await import('./erofs.ts')).erofsTarget,
  ext4: async () => (await import('./ext4.ts')).ext4Target,
  f2fs: async () => (await import('./f2fs.ts')).f2fsTarget,
  fat: async () => (await import('./fat.ts')).fatTarget,
  btrfs: async () => (await import('./btrfs.ts')).btrfsTarget,
  xfs: async () => (await import('./xfs.ts')).xfsTarget,
  verity: async () => (await import('./verity.ts')).verityTarget,
  dissect: async () => (await import('./dissect.ts')).dissectTarget,
};
