/**
 * The superblock as stored.
 * https://docs.kernel.org/filesystems/ext4/super.html
 */
import { u16, u32, u8 } from './fields.ts';

/** Bytes before the superblock, and bytes of it. */
export const superblockOffset = 1024;
export const superblockSize = 1024;

export const magicNumber = 0xef53;

export const superblockLayout = {
  inodesCount: u32(0x0),
  blocksCountLow: u32(0x4),
  firstDataBlock: u32(0x14),
  logBlockSize: u32(0x18),
  logClusterSize: u32(0x1c),
  blocksPerGroup: u32(0x20),
  clustersPerGroup: u32(0x24),
  inodesPerGroup: u32(0x28),
  magic: u16(0x38),
  revision: u32(0x4c),
  firstInode: u32(0x54),
  inodeSize: u16(0x58),
  compat: u32(0x5c),
  incompat: u32(0x60),
  roCompat: u32(0x64),
  hashSeed: [u32(0xec), u32(0xf0), u32(0xf4), u32(0xf8)],
  descriptorSize: u16(0xfe),
  firstMetaGroup: u32(0x104),
  blocksCountHigh: u32(0x150),
  flags: u32(0x160),
  checksumType: u8(0x175),
  backupGroups: [u32(0x24c), u32(0x250)],
  checksumSeed: u32(0x270),
  checksum: u32(0x3fc),
} as const;
export const uuidAt = { offset: 0x68, size: 16 } as const;
