/** Where the superblock keeps what: "XFS Algorithms & Data Structures", chapter "Superblocks" (struct xfs_dsb). */
import { u16, u32, u64, u8 } from './fields.ts';

/** "XFSB" */
export const magicNumber = 0x5846_5342;

/** Bytes of the smallest sector; all fields are in it. */
export const superblockSize = 512;

export const superblockLayout = {
  magic: u32(0),
  blockSize: u32(4),
  blocks: u64(8),
  rootInode: u64(56),
  groupBlocks: u32(84),
  groups: u32(88),
  version: u16(100),
  sectorSize: u16(102),
  inodeSize: u16(104),
  inodesPerBlock: u16(106),
  blockLog: u8(120),
  sectorLog: u8(121),
  inodeLog: u8(122),
  inodesPerBlockLog: u8(123),
  groupBlocksLog: u8(124),
  inProgress: u8(126),
  directoryBlockLog: u8(192),
  incompat: u32(216),
} as const;

export const uuidSize = 16;
export const uuidAt = 32;
/** With the feature metauuid: the one in the metadata, where the other has been changed since. */
export const metadataUuidAt = 248;
export const checksumAt = 224;
