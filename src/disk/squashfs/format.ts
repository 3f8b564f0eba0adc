/**
 * The numbers of the squashfs 4.0 on-disk format; all integers are little endian.
 * Sources: kernel Documentation/filesystems/squashfs.rst, and "Squashfs binary format"
 * (https://dr-emann.github.io/squashfs/). Structures are parsed where they are used, by the layouts here.
 */
import { layout } from './layout.ts';

/** "hsqs". A big-endian image, as versions before 4 allowed, starts with it the other way round. */
export const magic = 0x73717368;

export const superblockLayout = layout({
  magic: 'u32',
  inodeCount: 'u32',
  modificationTime: 'u32',
  blockSize: 'u32',
  fragmentCount: 'u32',
  compressor: 'u16',
  blockLog: 'u16',
  flags: 'u16',
  idCount: 'u16',
  majorVersion: 'u16',
  minorVersion: 'u16',
  rootInode: 'u64',
  bytesUsed: 'u64',
  idTable: 'u64',
  xattrTable: 'u64',
  inodeTable: 'u64',
  directoryTable: 'u64',
  fragmentTable: 'u64',
  exportTable: 'u64',
});

/** The flags of the superblock that matter to a reader. */
export const flags = {
  noXattrs: 0x0200,
  compressorOptions: 0x0400,
} as const;
/** All there are: the others say how the image was made. */
export const knownFlags = 0x0fff;

/** A table position that means "there is none". */
export const noTable = 0xffff_ffff_ffff_ffffn;

/** A fragment index, and an xattr index, that mean "there is none". */
export const none32 = 0xffff_ffff;

/** Most uncompressed bytes of a metadata block; all but a table's last have exactly so many. */
export const metadataBytes = 8192;
/** The header of a metadata block: 15 bits of stored size, and whether it is stored uncompressed. */
export const metadataHeaderBytes = 2;
export const metadataUncompressed = 0x8000;

export const minBlockBytes = 4096;
export const maxBlockBytes = 1024 * 1024;

/** A data block's size word: 24 bits of stored size, and whether it is stored uncompressed. 0 is a hole. */
export const dataUncompressed = 0x0100_0000;
export const dataSizeMask = 0x00ff_ffff;

/** Longest file name, bytes. */
export const maxNameBytes = 256;
/** No link target can be longer: PATH_MAX, and the kernel's limit too (one page). */
export const maxTargetBytes = 4096;

/** Inode types. A directory entry has only those up to 7. */
export const inodeType = {
  directory: 1,
  file: 2,
  symlink: 3,
  block: 4,
  character: 5,
  fifo: 6,
  socket: 7,
  extendedDirectory: 8,
  extendedFile: 9,
  extendedSymlink: 10,
  extendedBlock: 11,
  extendedCharacter: 12,
  extendedFifo: 13,
  extendedSocket: 14,
} as const;

/** What every inode starts with. */
export const inodeHeaderLayout = layout({
  type: 'u16',
  mode: 'u16',
  uidIndex: 'u16',
  gidIndex: 'u16',
  mtime: 'u32',
  number: 'u32',
});

export const directoryLayout = layout({
  startBlock: 'u32',
  links: 'u32',
  size: 'u16',
  offset: 'u16',
  parent: 'u32',
});

export const extendedDirectoryLayout = layout({
  links: 'u32',
  size: 'u32',
  startBlock: 'u32',
  parent: 'u32',
  indexCount: 'u16',
  offset: 'u16',
  xattrIndex: 'u32',
});

/** Follows an extended directory's inode `indexCount` times, each with `nameSize` + 1 bytes of name. */
export const directoryIndexLayout = layout({
  /** Bytes from the start of the listing to the header that the name is the first of. */
  listingOffset: 'u32',
  startBlock: 'u32',
  nameSize: 'u32',
});

/** Starts a run of up to 256 entries in a directory's listing, whose inodes are in one metadata block. */
export const directoryHeaderLayout = layout({
  /** Entries, less one. */
  count: 'u32',
  startBlock: 'u32',
  inodeNumber: 'u32',
});

/** An entry, with `nameSize` + 1 bytes of name after it. */
export const directoryEntryLayout = layout({
  offset: 'u16',
  inodeDelta: 'u16',
  type: 'u16',
  nameSize: 'u16',
});

/** A directory's size counts these bytes for "." and "..", which are not stored. */
export const dotEntriesBytes = 3;

export const fileLayout = layout({
  blocksStart: 'u32',
  fragmentIndex: 'u32',
  fragmentOffset: 'u32',
  size: 'u32',
});

export const extendedFileLayout = layout({
  blocksStart: 'u64',
  size: 'u64',
  sparse: 'u64',
  links: 'u32',
  fragmentIndex: 'u32',
  fragmentOffset: 'u32',
  xattrIndex: 'u32',
});

/** Followed by the target; then, in an extended symlink, by the xattr index. */
export const symlinkLayout = layout({ links: 'u32', targetSize: 'u32' });

export const deviceLayout = layout({ links: 'u32', device: 'u32' });
export const extendedDeviceLayout = layout({ links: 'u32', device: 'u32', xattrIndex: 'u32' });

export const ipcLayout = layout({ links: 'u32' });
export const extendedIpcLayout = layout({ links: 'u32', xattrIndex: 'u32' });

export const fragmentLayout = layout({ start: 'u64', size: 'u32', unused: 'u32' });

/** What the xattr table's position points to, before the positions of the blocks of `xattrSetLayout`s. */
export const xattrTableLayout = layout({ pairsStart: 'u64', count: 'u32', unused: 'u32' });

/** An entry of the xattr table: the xattrs of an inode, or of several. */
export const xattrSetLayout = layout({ reference: 'u64', count: 'u32', size: 'u32' });

/** A name, with `nameSize` bytes of it after this, and then a value. */
export const xattrNameLayout = layout({ type: 'u16', nameSize: 'u16' });

/** Set in an xattr's type when the value is a reference (8 bytes) to where the value is. */
export const xattrOutOfLine = 0x0100;

/** By an xattr's type, without the flag. */
export const xattrPrefixes = ['user.', 'trusted.', 'security.'] as const;

/** Options of lz4, the only compressor whose options a reader must look at. */
export const lz4OptionsLayout = layout({ version: 'u32', flags: 'u32' });
