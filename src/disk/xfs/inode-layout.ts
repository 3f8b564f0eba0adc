/** Where an inode keeps what: "XFS Algorithms & Data Structures", chapter "On-disk Inode" (struct xfs_dinode). */
import { u16, u32, u64, u8 } from './fields.ts';

/** "IN" */
export const inodeMagic = 0x494e;

/** Bytes of the fields; the forks are behind them. */
export const coreSize = 176;

export const inodeLayout = {
  magic: u16(0),
  mode: u16(2),
  version: u8(4),
  dataFormat: u8(5),
  uid: u32(8),
  gid: u32(12),
  links: u32(16),
  mtime: u64(40),
  size: u64(56),
  extents: u32(76),
  attributeExtents: u16(80),
  /** With the flag for many extents, the counts are in these instead. */
  manyExtents: u64(24),
  manyAttributeExtents: u32(76),
  /** Where the attributes start, in units of 8 bytes; 0: there are none. */
  forkOffset: u8(82),
  attributeFormat: u8(83),
  flags: u16(90),
  flags2: u64(120),
  number: u64(152),
} as const;

export const inodeChecksumAt = 100;
export const inodeUuidAt = 160;
