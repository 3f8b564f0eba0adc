/**
 * vfat, read only, over any block source: FAT12, FAT16 and FAT32 with long names. From Microsoft's "FAT: General Overview
 * of On-Disk Format" (FAT32 File System Specification 1.03); what files look like is as the kernel shows them when systemd
 * mounts them: https://docs.kernel.org/filesystems/vfat.html, with UTF-8 names.
 */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import type { FileTree } from '../tree.ts';
import { readBootSector } from './boot-sector.ts';
import { rootNode } from './node.ts';
import { Volume } from './volume.ts';

/**
 * Opens the file system in `source`. The source stays the caller's to close, after the tree.
 *
 * @throws PortableError InvalidArgs when it is corrupt or cut off, NotSupported for an unknown version; LimitsExceeded.
 *   The tree throws the same as it is read.
 */
export async function openFat(source: BlockSource, budget: Budget): Promise<FileTree> {
  const volume = new Volume(source, await readBootSector(source), budget);
  return {
    type: 'vfat',
    name: source.name,
    root: () => rootNode(volume),
    close: () => Promise.resolve(),
  };
}
