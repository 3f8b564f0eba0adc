/**
 * The superblock, of which there are two: what the file system is, and where its areas are. Layout: struct
 * f2fs_super_block; https://docs.kernel.org/filesystems/f2fs.html ("On-disk Layout").
 */
import { PortableError, quoted } from '../../base/errors.ts';
import type { BlockSource } from '../source.ts';
import { f2fsCrc, magicNumber } from './checksum.ts';
import { corrupt, unsupported } from './errors.ts';
import { type FeatureName, featureNames, unreadableFeatures } from './features.ts';

/** Fields, bytes from the start of the superblock. */
const at = {
  magic: 0,
  majorVersion: 4,
  logSectorSize: 8,
  logSectorsPerBlock: 12,
  logBlockSize: 16,
  logBlocksPerSegment: 20,
  checksumOffset: 32,
  blocks: 36,
  checkpointSegments: 52,
  sitSegments: 56,
  natSegments: 60,
  ssaSegments: 64,
  mainSegments: 68,
  segment0: 72,
  checkpointStart: 76,
  sitStart: 80,
  natStart: 84,
  ssaStart: 88,
  mainStart: 92,
  rootInode: 96,
  nodeInode: 100,
  metaInode: 104,
  uuid: 108,
  checkpointPayload: 1664,
  features: 2180,
  firstDevice: 2201,
} as const;
const uuidSize = 16;
const checksumAt = 3068;
const superblockSize = 3072;

/** In the first block and in the second, behind the boot sector. */
const offsetInBlock = 1024;

/** Version of the layout that all have had so far. */
const knownMajorVersion = 1;

/** Blocks are pages of the machine that made them: 4 to 64 KiB. */
const logBlockSizes = { least: 12, most: 16 };

/** Segments of 512 blocks: there are no others. */
const logBlocksPerSegment = 9;
export const blocksPerSegment = 1 << logBlocksPerSegment;

/** Numbers of nodes below this are not for users. */
export const firstUserInode = 3;

/** A superblock that has been checked. Addresses and sizes in blocks. */
export interface Superblock {
  readonly blockSize: number;
  readonly features: ReadonlySet<FeatureName>;
  readonly checkpointStart: number;
  readonly checkpointPayload: number;
  readonly sitBlocks: number;
  readonly natStart: number;
  readonly natBlocks: number;
  /** Nodes and data are from here on, up to `end`. */
  readonly mainStart: number;
  readonly end: number;
  readonly rootInode: number;
  /** What the checksums of inodes start from. */
  readonly checksumSeed: number;
}

/**
 * Reads the first superblock, or the second when the first is damaged.
 * @throws PortableError of the first one when neither can be used: InvalidArgs for what cannot be true, NotSupported
 *   naming a feature that this reader does not have
 */
export async function readSuperblock(source: BlockSource): Promise<Superblock> {
  try {
    return await readCopy(source, BigInt(offsetInBlock));
  } catch (error) {
    if (!(error instanceof PortableError) || error.code !== 'InvalidArgs') throw error;
    for (let log = logBlockSizes.least; log <= logBlockSizes.most; log++) {
      const second = await readCopy(source, BigInt((1 << log) + offsetInBlock)).catch((other: unknown) => {
        if (other instanceof PortableError) return undefined;
        throw other;
      });
      if (second?.blockSize === 1 << log) return second;
    }
    throw error;
  }
}

async function readCopy(source: BlockSource, offset: bigint): Promise<Superblock> {
  const bytes = await source.read(offset, superblockSize);
  const u32 = (field: keyof typeof at): number => bytes.readUInt32LE(at[field]);
  const bad = (what: string): PortableError =>
    corrupt(source.name, `the superblock at offset ${offset} has ${what}`);
  if (u32('magic') !== magicNumber) throw bad('no magic number');
  const word = u32('features');
  const features = featureNames(word);
  checkChecksum(bytes, features, bad);
  refuseUnreadable(source, bytes, word);
  const logBlockSize = u32('logBlockSize');
  if (logBlockSize < logBlockSizes.least || logBlockSize > logBlockSizes.most) {
    throw bad(`blocks of 2^${logBlockSize} bytes`);
  }
  if (u32('logSectorSize') + u32('logSectorsPerBlock') !== logBlockSize) {
    throw bad(`2^${u32('logSectorsPerBlock')} sectors of 2^${u32('logSectorSize')} bytes in a block`);
  }
  if (u32('logBlocksPerSegment') !== logBlocksPerSegment) {
    throw bad(`segments of 2^${u32('logBlocksPerSegment')} blocks`);
  }
  const end = areaEnd(u32, bad);
  const blockSize = 1 << logBlockSize;
  const blocks = bytes.readBigUInt64LE(at.blocks);
  if (BigInt(end) > blocks || blocks * BigInt(blockSize) > source.size) {
    throw bad(
      `${blocks} blocks of ${blockSize} bytes, of which the last area needs ${end}; ${source.size} bytes are there`,
    );
  }
  const natSegments = u32('natSegments');
  if (natSegments === 0 || natSegments % 2 !== 0) throw bad(`${natSegments} segments of node addresses`);
  if (u32('rootInode') < firstUserInode) throw bad(`the root inode ${u32('rootInode')}`);
  return {
    blockSize,
    features,
    checkpointStart: u32('checkpointStart'),
    checkpointPayload: u32('checkpointPayload'),
    sitBlocks: Math.floor(u32('sitSegments') / 2) * blocksPerSegment,
    natStart: u32('natStart'),
    // there are two of each
    natBlocks: (natSegments / 2) * blocksPerSegment,
    mainStart: u32('mainStart'),
    end,
    rootInode: u32('rootInode'),
    checksumSeed: f2fsCrc(0xffff_ffff, bytes.subarray(at.uuid, at.uuid + uuidSize)),
  };
}

function checkChecksum(
  bytes: Buffer,
  features: ReadonlySet<FeatureName>,
  bad: (what: string) => PortableError,
): void {
  if (!features.has('sb_checksum')) return;
  if (bytes.readUInt32LE(at.checksumOffset) !== checksumAt) {
    throw bad(`its checksum at byte ${bytes.readUInt32LE(at.checksumOffset)}`);
  }
  if (f2fsCrc(magicNumber, bytes.subarray(0, checksumAt)) !== bytes.readUInt32LE(checksumAt)) {
    throw bad('a checksum that does not match');
  }
}

function refuseUnreadable(source: BlockSource, bytes: Buffer, word: number): void {
  const version = bytes.readUInt16LE(at.majorVersion);
  if (version !== knownMajorVersion) throw unsupported(source.name, `the unknown version ${version}`);
  const found = unreadableFeatures(word);
  if (found.length > 0) throw unsupported(source.name, `the feature ${found.join(', ')}`);
  if (bytes.readUInt8(at.firstDevice) !== 0) {
    throw new PortableError('NotSupported', `${quoted(source.name)} is one of several devices of an f2fs`, {
      file: source.name,
      hint: 'an image must have all of its file system',
    });
  }
}

/** Checks that the areas follow each other without overlap. @returns the block behind the last */
function areaEnd(u32: (field: keyof typeof at) => number, bad: (what: string) => PortableError): number {
  const areas = [
    ['checkpoints', 'checkpointStart', 'checkpointSegments'],
    ['segment information', 'sitStart', 'sitSegments'],
    ['node addresses', 'natStart', 'natSegments'],
    ['segment summaries', 'ssaStart', 'ssaSegments'],
    ['nodes and data', 'mainStart', 'mainSegments'],
  ] as const;
  let end = u32('segment0');
  for (const [name, start, segments] of areas) {
    if (u32(start) < end) throw bad(`the area of ${name} at block ${u32(start)}, inside the one before`);
    end = u32(start) + u32(segments) * blocksPerSegment;
  }
  return end;
}
