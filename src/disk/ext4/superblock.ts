/**
 * The superblock: what the file system is, how big its parts are, which features it uses. Everything that the
 * other files compute with is checked here, once.
 * Layout: https://docs.kernel.org/filesystems/ext4/super.html
 */
import { PortableError, quoted } from '../../base/errors.ts';
import type { BlockSource } from '../source.ts';
import { crc32c } from './crc.ts';
import {
  type FeatureName,
  type FeatureWords,
  extType,
  featureNames,
  unreadableFeatures,
} from './features.ts';
import { u16, u32, u8 } from './fields.ts';

/** Bytes before the superblock, and bytes of it. */
export const superblockOffset = 1024;
export const superblockSize = 1024;

const magicNumber = 0xef53;

const layout = {
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
const uuidAt = { offset: 0x68, size: 16 } as const;

/** Which file systems there are: revision 0 (fixed inodes of 128 bytes) and 1. */
const newestRevision = 1;
const oldInodeSize = 128;
const oldFirstInode = 11;

/** s_flags: how directory hashes take bytes from 0x80 on. */
const signedHash = 0x1;
const unsignedHash = 0x2;

/** Block numbers in extents have 48 bits. */
const maxBlocks = 2n ** 48n;

/** A superblock that has been checked. Sizes in bytes unless said otherwise. */
export interface Superblock {
  readonly type: 'ext2' | 'ext3' | 'ext4';
  readonly features: ReadonlySet<FeatureName>;
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
  readonly firstMetaGroup: number;
  /** sparse_super2: the groups with copies of the superblock. */
  readonly backupGroups: readonly number[];
  readonly uuid: Buffer;
  /** What all metadata_csum checksums start from. */
  readonly checksumSeed: number;
  /** All zero: the hash functions use their own start values. */
  readonly hashSeed: readonly number[];
  /** Absent: whichever the machine that wrote it had. */
  readonly hashSign: 'signed' | 'unsigned' | undefined;
}

/** Whether `source` has the magic number of ext2/3/4 (or of an external journal of one). */
export async function hasExtMagic(source: BlockSource): Promise<boolean> {
  if (source.size < BigInt(superblockOffset + superblockSize)) return false;
  return layout.magic(await source.read(BigInt(superblockOffset), superblockSize)) === magicNumber;
}

/**
 * Reads and checks the superblock.
 * @throws PortableError NotSupported for what this reader cannot read (naming the feature, version or state),
 *   InvalidArgs for anything that cannot be true, a wrong checksum, or a file system that is larger than `source`
 */
export async function readSuperblock(source: BlockSource): Promise<Superblock> {
  const bytes = await source.read(BigInt(superblockOffset), superblockSize);
  if (layout.magic(bytes) !== magicNumber) {
    throw new PortableError(
      'InvalidArgs',
      `${quoted(source.name)} is not an ext2, ext3 or ext4 file system`,
      {
        file: source.name,
      },
    );
  }
  const revision = layout.revision(bytes);
  if (revision > newestRevision) throw unsupported(source, `revision ${revision} of the superblock`);
  // in revision 0 as well, like the kernel: mke2fs leaves them zero there
  const words: FeatureWords = {
    compat: layout.compat(bytes),
    incompat: layout.incompat(bytes),
    roCompat: layout.roCompat(bytes),
  };
  const features = featureNames(words);
  refuseUnreadable(source, words, features);
  checkChecksum(source, bytes, features);
  const geometry = readGeometry(source, bytes, features, revision);
  const uuid = Buffer.from(bytes.subarray(uuidAt.offset, uuidAt.offset + uuidAt.size));
  const flags = layout.flags(bytes);
  return {
    type: extType(words),
    features,
    ...geometry,
    uuid,
    checksumSeed: features.has('metadata_csum_seed') ? layout.checksumSeed(bytes) : crc32c(0xffff_ffff, uuid),
    hashSeed: layout.hashSeed.map((field) => field(bytes)),
    hashSign: (flags & signedHash) !== 0 ? 'signed' : (flags & unsignedHash) !== 0 ? 'unsigned' : undefined,
  };
}

function refuseUnreadable(
  source: BlockSource,
  words: FeatureWords,
  features: ReadonlySet<FeatureName>,
): void {
  if (features.has('journal_dev')) {
    throw new PortableError(
      'NotSupported',
      `${quoted(source.name)} is the external journal of an ext3 or ext4 file system (feature journal_dev), not a file system`,
      { file: source.name, hint: 'name the file system that the journal belongs to' },
    );
  }
  const found = unreadableFeatures(words);
  if (found.length > 0) throw unsupported(source, `the ext4 feature ${found.join(', ')}`);
  if (features.has('needs_recovery')) {
    throw new PortableError(
      'NotSupported',
      `${quoted(source.name)} was not unmounted cleanly: its journal has changes that are not written back (ext4 feature needs_recovery)`,
      { file: source.name, hint: "run 'e2fsck -p' on it, or mount it read-write once" },
    );
  }
}

function checkChecksum(source: BlockSource, bytes: Buffer, features: ReadonlySet<FeatureName>): void {
  if (!features.has('metadata_csum')) return;
  const type = layout.checksumType(bytes);
  if (type !== 1) throw unsupported(source, `metadata checksum type ${type}`);
  if (crc32c(0xffff_ffff, bytes, 0, superblockSize - 4) !== layout.checksum(bytes)) {
    throw invalid(source, `its checksum does not match (offset ${superblockOffset})`);
  }
}

/** The sizes and counts, each checked against the others and the source. */
function readGeometry(
  source: BlockSource,
  bytes: Buffer,
  features: ReadonlySet<FeatureName>,
  revision: number,
) {
  const require = (holds: boolean, what: string): void => {
    if (!holds) throw invalid(source, what);
  };
  const logBlockSize = layout.logBlockSize(bytes);
  require(logBlockSize <= 6, `block size 2^${10 + logBlockSize}, expected 1 KiB to 64 KiB`);
  const blockSize = 1024 << logBlockSize;

  const logClusterSize = features.has('bigalloc') ? layout.logClusterSize(bytes) : logBlockSize;
  require(logClusterSize >= logBlockSize &&
    logClusterSize <= 20, `cluster size 2^${10 + logClusterSize} with a block size of ${blockSize}`);
  const clusterBlocks = 1 << (logClusterSize - logBlockSize);

  const inodeSize = revision === 0 ? oldInodeSize : layout.inodeSize(bytes);
  require(inodeSize >= oldInodeSize &&
    inodeSize <= blockSize &&
    (inodeSize & (inodeSize - 1)) ===
      0, `inode size ${inodeSize}, expected a power of two from 128 to the block size ${blockSize}`);
  const firstInode = revision === 0 ? oldFirstInode : layout.firstInode(bytes);
  require(firstInode >= oldFirstInode, `first inode ${firstInode}, expected at least ${oldFirstInode}`);

  const descriptorSize = features.has('64bit') ? layout.descriptorSize(bytes) : 32;
  require(descriptorSize >= (features.has('64bit') ? 64 : 32) &&
    descriptorSize <= Math.min(1024, blockSize) &&
    (descriptorSize & (descriptorSize - 1)) ===
      0, `group descriptor size ${descriptorSize}, expected a power of two from 64 to 1024`);

  const clustersPerGroup = features.has('bigalloc')
    ? layout.clustersPerGroup(bytes)
    : layout.blocksPerGroup(bytes);
  const blocksPerGroup = layout.blocksPerGroup(bytes);
  require(clustersPerGroup > 0 &&
    clustersPerGroup <= 8 * blockSize &&
    blocksPerGroup ===
      clustersPerGroup *
        clusterBlocks, `${blocksPerGroup} blocks and ${clustersPerGroup} clusters per group, expected 1 to ${8 * blockSize} clusters of ${clusterBlocks} blocks`);
  const inodesPerGroup = layout.inodesPerGroup(bytes);
  require(inodesPerGroup > 0 &&
    inodesPerGroup <= 8 * blockSize, `${inodesPerGroup} inodes per group, expected 1 to ${8 * blockSize}`);

  const firstDataBlock = layout.firstDataBlock(bytes);
  require(firstDataBlock === 0
    ? blockSize > 1024 || clusterBlocks > 1
    : firstDataBlock === 1 &&
        blockSize === 1024, `first data block ${firstDataBlock} with a block size of ${blockSize}`);
  const high = features.has('64bit') ? layout.blocksCountHigh(bytes) : 0;
  const exactBlocks = (BigInt(high) << 32n) | BigInt(layout.blocksCountLow(bytes));
  require(exactBlocks > BigInt(firstDataBlock) && exactBlocks <= maxBlocks, `${exactBlocks} blocks`);
  require(exactBlocks * BigInt(blockSize) <=
    source.size, `${exactBlocks} blocks of ${blockSize} bytes, but only ${source.size} bytes are there: it is truncated`);
  const blocks = Number(exactBlocks);
  const groups = Math.ceil((blocks - firstDataBlock) / blocksPerGroup);
  const inodes = layout.inodesCount(bytes);
  require(groups * inodesPerGroup === inodes, `${inodes} inodes, but ${groups} groups of ${inodesPerGroup}`);
  return {
    blockSize,
    clusterBlocks,
    blocks,
    firstDataBlock,
    groups,
    blocksPerGroup,
    inodesPerGroup,
    inodes,
    inodeSize,
    firstInode,
    descriptorSize,
    firstMetaGroup: layout.firstMetaGroup(bytes),
    backupGroups: layout.backupGroups.map((field) => field(bytes)),
  };
}

function invalid(source: BlockSource, what: string): PortableError {
  return new PortableError(
    'InvalidArgs',
    `the ext4 superblock of ${quoted(source.name)} is corrupt: ${what}`,
    {
      file: source.name,
      hint: 'copy the image again, or repair a copy of it with e2fsck',
    },
  );
}

function unsupported(source: BlockSource, what: string): PortableError {
  return new PortableError('NotSupported', `${quoted(source.name)} uses ${what}, which cannot be read`, {
    file: source.name,
    hint: 'make the image again without it',
  });
}
