/**
 * The numbers of the EROFS on-disk format, all little endian.
 * Sources: https://erofs.docs.kernel.org/en/latest/ondisk/ (core, chunked, compressed, xattrs) and the kernel's
 * Documentation/filesystems/erofs.rst. Structures are parsed where they are used; their sizes are here.
 */

export const superblockOffset = 1024n;
export const magic = 0xe0f5e1e2;

/** Sizes of the fixed structures, bytes. */
export const sizeOf = {
  /** The superblock without its extension slots, which have 16 bytes each. */
  superblock: 128,
  extensionSlot: 16,
  compactInode: 32,
  extendedInode: 64,
  dirent: 12,
  xattrHeader: 12,
  xattrEntry: 4,
  /** z_erofs_map_header */
  mapHeader: 8,
  /** z_erofs_lcluster_index */
  clusterIndex: 8,
} as const;

/** Inodes are at multiples of this, bytes. */
export const inodeSlot = 32n;

export const compatFeatures = {
  superblockChecksum: 0x1,
  sharedXattrsInMetabox: 0x8,
  plainXattrPrefixes: 0x10,
} as const;

/**
 * Some bits mean two things: 0x2 is also "big pclusters", 0x8 also "a device table", 0x20 also "dedupe".
 * Which of both is used shows elsewhere (inode flags, number of extra devices).
 */
export const incompatFeatures = {
  zeroPadding: 0x1,
  compressionConfigs: 0x2,
  chunkedFile: 0x4,
  secondAlgorithm: 0x8,
  tailPacking: 0x10,
  fragments: 0x20,
  xattrPrefixes: 0x40,
  blocks48: 0x80,
  metabox: 0x100,
} as const;

export const allIncompatFeatures = Object.values(incompatFeatures).reduce((all, bit) => all | bit, 0);

/** i_format bits 1–3. */
export const dataLayout = {
  flatPlain: 0,
  compressedFull: 1,
  flatInline: 2,
  compressedCompact: 3,
  chunkBased: 4,
} as const;

export type DataLayout = (typeof dataLayout)[keyof typeof dataLayout];

/** Bit 63 of a node number: the inode is in the metabox. */
export const metaboxBit = 1n << 63n;

/** A block address of all ones, 32 or 48 bits wide: there is no block, the bytes are zeros. */
export const nullBlock32 = 0xffff_ffffn;
export const nullBlock48 = 0xffff_ffff_ffffn;

/** Most compressed bytes of one physical cluster, and most bytes it may decode to (Z_EROFS_PCLUSTER_MAX_[D]SIZE). */
export const maxClusterBytes = 1024 * 1024;
export const maxDecodedBytes = 12 * 1024 * 1024;

/** Longest file name, bytes. */
export const maxNameBytes = 255;
