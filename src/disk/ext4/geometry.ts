/**
 * The sizes and counts of a superblock, each checked against the others and the source: everything that the other
 * files compute with.
 * https://docs.kernel.org/filesystems/ext4/super.html
 */
import { PortableError, quoted } from '../../base/errors.ts';
import type { BlockSource } from '../source.ts';
import type { FeatureName } from './features.ts';
import { superblockLayout as layout } from './superblock-layout.ts';

/** Sizes in bytes unless said otherwise. */
export interface Geometry {
  readonly blockSize: number;
  /** Blocks per allocation unit: 1 without bigalloc. */
  readonly clusterBlocks: number;
  /** Blocks of the file system, and the first that belongs to a group: 1 where blocks are 1 KiB. */
  readonly blocks: number;
  readonly firstDataBlock: number;
  readonly groups: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly inodes: number;
  readonly inodeSize: number;
  /** The first inode number that may be an ordinary file. */
  readonly firstInode: number;
  readonly descriptorSize: number;
  /** meta_bg: the first block of descriptors that is with its groups. */
  readonly firstMetaGroup: number;
  /** sparse_super2: the groups with copies of the superblock. */
  readonly backupGroups: readonly number[];
}

/** What revision 0 has no fields for. */
const oldInodeSize = 128;
const oldFirstInode = 11;

/** Block numbers in extents have 48 bits. */
const maxBlocks = 2n ** 48n;

/** The superblock as read, and where from. */
export interface Stored {
  readonly source: BlockSource;
  readonly bytes: Buffer;
  readonly features: ReadonlySet<FeatureName>;
  readonly revision: number;
}

/** @throws PortableError InvalidArgs for what cannot be true, or a file system that is larger than its source */
export function readGeometry(stored: Stored): Geometry {
  const blockSizes = readBlockSizes(stored);
  const inodeSizes = readInodeSizes(stored, blockSizes.blockSize);
  const groupSizes = readGroupSizes(stored, blockSizes);
  const blocks = readBlockCount(stored, blockSizes);
  const groups = Math.ceil((blocks - blockSizes.firstDataBlock) / groupSizes.blocksPerGroup);
  const inodes = layout.inodesCount(stored.bytes);
  expect(
    stored,
    groups * groupSizes.inodesPerGroup === inodes,
    `${inodes} inodes, but ${groups} groups of ${groupSizes.inodesPerGroup}`,
  );
  return { ...blockSizes, ...inodeSizes, ...groupSizes, blocks, groups, inodes };
}

function readBlockSizes(stored: Stored) {
  const { bytes, features } = stored;
  const logBlockSize = layout.logBlockSize(bytes);
  expect(stored, logBlockSize <= 6, `block size 2^${10 + logBlockSize}, expected 1 KiB to 64 KiB`);
  const blockSize = 1024 << logBlockSize;
  const logClusterSize = features.has('bigalloc') ? layout.logClusterSize(bytes) : logBlockSize;
  expect(
    stored,
    logClusterSize >= logBlockSize && logClusterSize <= 20,
    `cluster size 2^${10 + logClusterSize} with a block size of ${blockSize}`,
  );
  const clusterBlocks = 1 << (logClusterSize - logBlockSize);
  const firstDataBlock = layout.firstDataBlock(bytes);
  expect(
    stored,
    firstDataBlock === 0 ? blockSize > 1024 || clusterBlocks > 1 : firstDataBlock === 1 && blockSize === 1024,
    `first data block ${firstDataBlock} with a block size of ${blockSize}`,
  );
  return { blockSize, clusterBlocks, firstDataBlock };
}

function readInodeSizes(stored: Stored, blockSize: number) {
  const isOld = stored.revision === 0;
  const inodeSize = isOld ? oldInodeSize : layout.inodeSize(stored.bytes);
  expect(
    stored,
    inodeSize >= oldInodeSize && inodeSize <= blockSize && isPowerOfTwo(inodeSize),
    `inode size ${inodeSize}, expected a power of two from 128 to the block size ${blockSize}`,
  );
  const firstInode = isOld ? oldFirstInode : layout.firstInode(stored.bytes);
  expect(
    stored,
    firstInode >= oldFirstInode,
    `first inode ${firstInode}, expected at least ${oldFirstInode}`,
  );
  return { inodeSize, firstInode };
}

function readGroupSizes(stored: Stored, sizes: { blockSize: number; clusterBlocks: number }) {
  const { bytes, features } = stored;
  const is64bit = features.has('64bit');
  const descriptorSize = is64bit ? layout.descriptorSize(bytes) : 32;
  expect(
    stored,
    descriptorSize >= (is64bit ? 64 : 32) && descriptorSize <= 1024 && isPowerOfTwo(descriptorSize),
    `group descriptor size ${descriptorSize}, expected a power of two from 64 to 1024`,
  );
  // each group has one block of bitmap for its clusters, and one for its inodes
  const most = 8 * sizes.blockSize;
  const blocksPerGroup = layout.blocksPerGroup(bytes);
  const clustersPerGroup = features.has('bigalloc') ? layout.clustersPerGroup(bytes) : blocksPerGroup;
  expect(
    stored,
    clustersPerGroup > 0 &&
      clustersPerGroup <= most &&
      blocksPerGroup === clustersPerGroup * sizes.clusterBlocks,
    `${blocksPerGroup} blocks and ${clustersPerGroup} clusters per group, expected 1 to ${most} clusters of ${sizes.clusterBlocks} blocks`,
  );
  const inodesPerGroup = layout.inodesPerGroup(bytes);
  expect(
    stored,
    inodesPerGroup > 0 && inodesPerGroup <= most,
    `${inodesPerGroup} inodes per group, expected 1 to ${most}`,
  );
  return {
    descriptorSize,
    blocksPerGroup,
    inodesPerGroup,
    firstMetaGroup: layout.firstMetaGroup(bytes),
    backupGroups: layout.backupGroups.map((field) => field(bytes)),
  };
}

/** Blocks, exact: the product with their size is compared as bigint. */
function readBlockCount(stored: Stored, sizes: { blockSize: number; firstDataBlock: number }): number {
  const { bytes, source } = stored;
  const high = stored.features.has('64bit') ? layout.blocksCountHigh(bytes) : 0;
  const blocks = (BigInt(high) << 32n) | BigInt(layout.blocksCountLow(bytes));
  expect(stored, blocks > BigInt(sizes.firstDataBlock) && blocks <= maxBlocks, `${blocks} blocks`);
  expect(
    stored,
    blocks * BigInt(sizes.blockSize) <= source.size,
    `${blocks} blocks of ${sizes.blockSize} bytes, but only ${source.size} bytes are there: it is truncated`,
  );
  return Number(blocks);
}

function expect({ source }: Stored, holds: boolean, what: string): void {
  if (!holds) throw invalid(source, what);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** The error for a superblock that cannot be true. */
export function invalid(source: BlockSource, what: string): PortableError {
  return new PortableError(
    'InvalidArgs',
    `the ext4 superblock of ${quoted(source.name)} is corrupt: ${what}`,
    {
      file: source.name,
      hint: 'copy the image again, or repair a copy of it with e2fsck',
    },
  );
}
