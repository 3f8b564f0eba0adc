/** The superblock: "XFS Algorithms & Data Structures", chapter "Superblocks". */
import type { BlockSource } from '../source.ts';
import { checksumMatches } from './checksum.ts';
import { corrupt, unsupported } from './errors.ts';
import { type FeatureName, featureNames, unknownBits, versionFlags, versionMask } from './features.ts';
import { type Geometry, readGeometry } from './geometry.ts';
import {
  checksumAt,
  superblockLayout as layout,
  magicNumber,
  metadataUuidAt,
  superblockSize,
  uuidAt,
  uuidSize,
} from './superblock-layout.ts';

/** The version whose metadata has checksums: what mkfs.xfs makes since 2015. */
const readVersion = 5;

/** A superblock that has been checked. */
export interface Superblock extends Geometry {
  readonly features: ReadonlySet<FeatureName>;
  /** What all other metadata has in it. */
  readonly uuid: Buffer;
  readonly rootInode: bigint;
}

/**
 * Reads and checks the superblock.
 * @throws PortableError NotSupported for what this reader cannot read (naming the feature, version or state),
 *   InvalidArgs for anything that cannot be true, a wrong checksum, or a file system that is larger than `source`
 */
export async function readSuperblock(source: BlockSource): Promise<Superblock> {
  const isLongEnough = source.size >= BigInt(superblockSize);
  const head = isLongEnough ? await source.read(0n, superblockSize) : Buffer.alloc(superblockSize);
  if (layout.magic(head) !== magicNumber) {
    throw corrupt(source.name, 'there is no superblock at offset 0');
  }
  const version = layout.version(head) & versionMask;
  if (version !== readVersion) {
    throw unsupported(
      source.name,
      `version ${version} of the format; only ${readVersion} (crc=1) can be read`,
    );
  }
  const incompat = layout.incompat(head);
  const unknown = unknownBits(incompat);
  if (unknown !== undefined) {
    throw unsupported(source.name, `the unknown feature bits ${unknown} (features_incompat)`);
  }
  await verifyChecksum(source, head);
  const features = featureNames(incompat);
  refuseState(source, head, features);
  const at = features.has('metauuid') ? metadataUuidAt : uuidAt;
  return {
    ...readGeometry(source, head),
    features,
    uuid: Buffer.from(head.subarray(at, at + uuidSize)),
    rootInode: layout.rootInode(head),
  };
}

/** The checksum is of the whole first sector. */
async function verifyChecksum(source: BlockSource, head: Buffer): Promise<void> {
  const size = layout.sectorSize(head);
  if (size < superblockSize) throw corrupt(source.name, `its superblock has sectors of ${size} bytes`);
  if (!checksumMatches(await source.read(0n, size), checksumAt)) {
    throw corrupt(source.name, `the checksum of the superblock does not match (offset ${checksumAt})`);
  }
}

function refuseState(source: BlockSource, head: Buffer, features: ReadonlySet<FeatureName>): void {
  if ((layout.version(head) & versionFlags.asciiCi) !== 0) {
    throw unsupported(source.name, 'names without regard to case (ascii-ci)');
  }
  if (features.has('needsrepair')) {
    throw corrupt(
      source.name,
      'it says that it has to be repaired first (feature needsrepair), see xfs_repair(8)',
    );
  }
  if (layout.inProgress(head) !== 0) {
    throw corrupt(source.name, 'it was being made or copied, and that did not end (sb_inprogress)');
  }
}
