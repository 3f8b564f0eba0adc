/** How a btrfs subvolume is told from a plain directory. */

/** f_type of statfs(2) on btrfs (linux/magic.h). */
export const btrfsMagic = 0x9123683e;

/** The inode number of the root directory of every subvolume (BTRFS_FIRST_FREE_OBJECTID). */
export const subvolumeInode = 256n;
