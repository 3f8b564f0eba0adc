/**
 * The superblock: what the file system is and which features it uses.
 * https://docs.kernel.org/filesystems/ext4/super.html
 */
import { PortableError, quoted } from '../../base/errors.ts';
import type { BlockSource } from '../source.ts';
import { crc32c } from '../crc.ts';
import {
  type FeatureName,
  type FeatureWords,
  extType,
  featureNames,
  unreadableFeatures,
} from './features.ts';
import { type Geometry, invalid, readGeometry } from './geometry.ts';
import {
  magicNumber,
  superblockLayout as layout,
  superblockOffset,
  superblockSize,
  uuidAt,
} from './superblock-layout.ts';

/** Revision 0 has inodes of 128 bytes and no features; 1 is everything since. */
const newestRevision = 1;

/** s_flags: how directory hashes take bytes from 0x80 on. */
const signedHash = 0x1;
const unsignedHash = 0x2;

/** A superblock that has been checked. */
export interface Superblock extends Geometry {
  readonly type: 'ext2' | 'ext3' | 'ext4';
  readonly features: ReadonlySet<FeatureName>;
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
  const geometry = readGeometry({ source, bytes, features, revision });
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

function unsupported(source: BlockSource, what: string): PortableError {
  return new PortableError('NotSupported', `${quoted(source.name)} uses ${what}, which cannot be read`, {
    file: source.name,
    hint: 'make the image again without it',
  });
}
