/**
 * Numbers of the format: https://btrfs.readthedocs.io/en/latest/dev/On-disk-format.html, "On-disk Format", and the
 * structures of linux/btrfs_tree.h. All fields are little-endian and packed.
 */

/** Bytes of structures, or of their fixed parts. */
export const sizeOf = {
  superblock: 4096,
  /** What comes before the items or pointers of a tree block. */
  header: 101,
  key: 17,
  /** A pointer to a tree block: key, address, generation. */
  pointer: 33,
  /** What describes an item of a leaf: key, offset and size of its data. */
  item: 25,
  inodeItem: 160,
  /** Before name and value of a directory entry or attribute. */
  directoryItem: 30,
  /** Before the name. */
  rootRef: 18,
  /** Up to and with the level: what all versions have. */
  rootItem: 239,
  chunk: 48,
  stripe: 32,
  /** Of a file extent: before the data of an inline one; all of any other. */
  inlineExtent: 21,
  fileExtent: 53,
  /** The room for a checksum in superblock and tree blocks. */
  checksum: 32,
} as const;

/** Types of keys. */
export const keyType = {
  inodeItem: 1,
  xattrItem: 24,
  directoryItem: 84,
  directoryIndex: 96,
  extentData: 108,
  extentChecksum: 128,
  rootItem: 132,
  rootRef: 156,
  chunkItem: 228,
} as const;

/** Trees and other objects with a number that is always the same. */
export const objectId = {
  rootTree: 1n,
  chunkTree: 3n,
  /** The subvolume that is there from the start. */
  fileTree: 5n,
  checksumTree: 7n,
  /** The inode number of a directory in place of a subvolume that is not there. */
  emptySubvolume: 2n,
  firstFree: 256n,
  firstChunkTree: 256n,
  /** −10: whose keys the checksums of data have. */
  extentChecksum: 2n ** 64n - 10n,
} as const;

/** A tree has at most eight levels, leaves being level 0. */
export const maxLevel = 7;

/** Bytes of a name, of an entry or attribute. */
export const maxNameBytes = 255;

export const max64 = 2n ** 64n - 1n;
