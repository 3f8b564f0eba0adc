/** Btrfs on one device, read-only, in user space: https://btrfs.readthedocs.io/en/latest/dev/On-disk-format.html */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import type { FileTree } from '../tree.ts';
import { openSubvolume } from './node.ts';
import { defaultSubvolume } from './roots.ts';
import { openVolume } from './volume.ts';

/**
 * Opens the default subvolume of a btrfs, with all that are inside it. A log tree is not replayed: the tree is that of the
 * last commit. Closing the tree does not close the source.
 *
 * @throws PortableError InvalidArgs when it is not a btrfs, or truncated, or corrupt; NotSupported naming a feature,
 *   checksum, profile or size of blocks that is not known, or that there are other devices
 */
export async function openBtrfs(source: BlockSource, budget: Budget): Promise<FileTree> {
  const volume = await openVolume(source, budget);
  const root = await defaultSubvolume(volume);
  return {
    type: 'btrfs',
    name: source.name,
    root: () => openSubvolume(volume, root),
    close: () => Promise.resolve(),
  };
}
