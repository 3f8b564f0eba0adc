/** The superblock: https://erofs.docs.kernel.org/en/latest/ondisk/core_ondisk.html */
import type { BlockSource } from '../source.ts';
import { crc32c } from '../crc.ts';
import { corrupt, unsupported } from './errors.ts';
import {
  allIncompatFeatures,
  compatFeatures,
  incompatFeatures,
  magic,
  sizeOf,
  superblockOffset,
} from './format.ts';

/** What the reader needs of the superblock. */
export interface Superblock {
  /** log2 of the block size, 9–16. */
  readonly blockBits: number;
  /** Bytes. */
  readonly blockSize: number;
  readonly rootNode: bigint;
  /** Where inode slot 0 is, bytes from the start of the image. */
  readonly metadataStart: bigint;
  /** Where the shared xattrs start, bytes; from the start of the metabox if `sharedXattrsInMetabox`. */
  readonly sharedXattrStart: bigint;
  readonly sharedXattrsInMetabox: boolean;
  /** The table of long xattr name prefixes: how many, and the byte where it starts (see xattr-prefixes.ts). */
  readonly xattrPrefixes: { readonly count: number; readonly start: bigint; readonly plain: boolean };
  /** The inode that fragments are in, if there is one. */
  readonly packedNode: bigint | undefined;
  /** The inode that other inodes are in, if there is one. */
  readonly metaboxNode: bigint | undefined;
  /** What the times of compact inodes count from, seconds since 1970. */
  readonly epoch: bigint;
  /** Compressed bytes are at the end of their cluster, zeros before them; else at the start, anything after them. */
  readonly zeroPadding: boolean;
  /** Bit n is set when algorithm n may be used; 1 (lz4 only) in images that do not say. */
  readonly algorithms: number;
  /** Block addresses have 48 bits. */
  readonly blocks48: boolean;
}

/** Whether the source has an EROFS superblock. Anything that is too small has none. */
export async function isErofs(source: BlockSource): Promise<boolean> {
  if (source.size < superblockOffset + BigInt(sizeOf.superblock)) return false;
  return (await source.read(superblockOffset, 4)).readUInt32LE(0) === magic;
}

/**
 * Reads and checks the superblock.
 * @throws PortableError NotSupported naming a feature that this reader does not know; InvalidArgs when the
 *   superblock is missing or corrupt, or the image is shorter than it says
 */
export async function readSuperblock(source: BlockSource): Promise<Superblock> {
  if (!(await isErofs(source))) {
    throw corrupt(source.name, `no erofs superblock at offset ${superblockOffset}`);
  }
  const bytes = await source.read(superblockOffset, sizeOf.superblock);
  const blockBits = bytes.readUInt8(0x0c);
  if (blockBits < 9 || blockBits > 16) {
    throw unsupported(source.name, `blocks of 2^${blockBits} bytes; 2^9 to 2^16 are known`);
  }
  const incompat = bytes.readUInt32LE(0x50);
  refuseUnknown(source.name, incompat, bytes);
  const compat = bytes.readUInt32LE(0x08);
  if ((compat & compatFeatures.superblockChecksum) !== 0) await verifyChecksum(source, blockBits);
  const superblock = await parse(source, bytes, { blockBits, compat, incompat });
  checkSize(source, bytes, superblock);
  return superblock;
}

/** @throws PortableError NotSupported */
function refuseUnknown(image: string, incompat: number, bytes: Buffer): void {
  const unknown = (incompat & ~allIncompatFeatures) >>> 0;
  if (unknown !== 0) {
    const bit = 31 - Math.clz32(unknown & -unknown);
    throw unsupported(image, `the unknown feature bit ${bit} (feature_incompat 0x${incompat.toString(16)})`);
  }
  const extraDevices = bytes.readUInt16LE(0x56);
  if ((incompat & incompatFeatures.secondAlgorithm) !== 0 && extraDevices > 0) {
    throw unsupported(
      image,
      `${extraDevices} more devices or blob files; only single-file images can be read`,
    );
  }
  const directoryBlockBits = bytes.readUInt8(0x5a);
  if (directoryBlockBits !== 0) {
    throw unsupported(
      image,
      `directory blocks of 2^${directoryBlockBits} blocks; only single blocks are known`,
    );
  }
}

/** From the superblock to the end of its block; the whole block size if that is no more than the offset. */
async function verifyChecksum(source: BlockSource, blockBits: number): Promise<void> {
  const offset = Number(superblockOffset);
  const blockSize = 2 ** blockBits;
  const covered = await source.read(superblockOffset, blockSize > offset ? blockSize - offset : blockSize);
  const stored = covered.readUInt32LE(4);
  covered.writeUInt32LE(0, 4);
  const computed = crc32c(0xffff_ffff, covered);
  if (computed !== stored) {
    throw corrupt(
      source.name,
      `the superblock's checksum is 0x${stored.toString(16)}, its bytes give 0x${computed.toString(16)}`,
    );
  }
}

interface Basics {
  readonly blockBits: number;
  readonly compat: number;
  readonly incompat: number;
}

async function parse(source: BlockSource, bytes: Buffer, basics: Basics): Promise<Superblock> {
  const { blockBits, compat, incompat } = basics;
  const has = (bit: number) => (incompat & bit) !== 0;
  const blocks48 = has(incompatFeatures.blocks48);
  const wideRoot = bytes.readBigUInt64LE(0x70);
  const packedNode = bytes.readBigUInt64LE(0x60);
  const blockBytes = (offset: number) => BigInt(bytes.readUInt32LE(offset)) << BigInt(blockBits);
  return {
    blockBits,
    blockSize: 2 ** blockBits,
    // with 48-bit addresses, the old field holds the high part of the block count
    rootNode: blocks48 && wideRoot !== 0n ? wideRoot : BigInt(bytes.readUInt16LE(0x0e)),
    metadataStart: blockBytes(0x28),
    sharedXattrStart: blockBytes(0x2c),
    sharedXattrsInMetabox: (compat & compatFeatures.sharedXattrsInMetabox) !== 0,
    xattrPrefixes: {
      count: has(incompatFeatures.xattrPrefixes) ? bytes.readUInt8(0x5b) : 0,
      start: BigInt(bytes.readUInt32LE(0x5c)) * 4n,
      plain: (compat & compatFeatures.plainXattrPrefixes) !== 0,
    },
    packedNode: has(incompatFeatures.fragments) && packedNode !== 0n ? packedNode : undefined,
    metaboxNode: has(incompatFeatures.metabox) ? await metaboxNode(source, bytes) : undefined,
    epoch: bytes.readBigInt64LE(0x18),
    zeroPadding: has(incompatFeatures.zeroPadding),
    algorithms: has(incompatFeatures.compressionConfigs) ? bytes.readUInt16LE(0x54) : 1,
    blocks48,
  };
}

/** In the first extension slot after the superblock. */
async function metaboxNode(source: BlockSource, bytes: Buffer): Promise<bigint> {
  if (bytes.readUInt8(0x0d) === 0) {
    throw corrupt(
      source.name,
      'it has the metabox feature, but a superblock without room for its node number',
    );
  }
  const slot = await source.read(superblockOffset + BigInt(sizeOf.superblock), sizeOf.extensionSlot);
  return slot.readBigUInt64LE(0);
}

/** A download cut short is found here, not in the middle of the work. */
function checkSize(source: BlockSource, bytes: Buffer, superblock: Superblock): void {
  const high = superblock.blocks48 && bytes.readBigUInt64LE(0x70) !== 0n ? bytes.readUInt16LE(0x0e) : 0;
  const blocks = (BigInt(high) << 32n) | BigInt(bytes.readUInt32LE(0x24));
  const size = blocks << BigInt(superblock.blockBits);
  if (size > source.size) {
    throw corrupt(source.name, `the superblock says ${size} bytes, there are ${source.size}`);
  }
}
