/** The superblock, of which the first copy counts: "On-disk Format", Superblock; struct btrfs_super_block. */
import type { BlockSource } from '../source.ts';
import { type Checksum, checksumOf } from './checksum.ts';
import { corrupt, unsupported } from './errors.ts';
import { metadataUuidBit, unreadableFeature, unreadableFlag } from './features.ts';
import { maxLevel, sizeOf } from './format.ts';
import type { TreeRoot } from './tree-block.ts';

/** What the reader needs of the superblock. */
export interface Superblock {
  readonly checksum: Checksum;
  /** What the tree blocks carry, 16 bytes. */
  readonly metadataId: Buffer;
  /** Bytes: the unit of data and of its checksums. */
  readonly sectorSize: number;
  /** Bytes of a tree block. */
  readonly nodeSize: number;
  readonly rootTree: TreeRoot;
  readonly chunkTree: TreeRoot;
  /** Of the directory of the root tree, which names the default subvolume. */
  readonly rootDirectory: bigint;
  /** The number of the only device. */
  readonly device: bigint;
  /** Keys and chunk items of all that the chunk tree itself is in. */
  readonly systemChunks: Buffer;
}

const offset = 0x1_0000n;
const magic = Buffer.from('_BHRfS_M', 'latin1');
const largest = 65536;
const systemChunkRoom = 2048;

/**
 * Reads and checks the superblock.
 * @throws PortableError NotSupported naming a feature or checksum that this reader does not know, or that there are more
 *   devices; InvalidArgs when the superblock is missing or corrupt, or the image is shorter than it says
 */
export async function readSuperblock(source: BlockSource): Promise<Superblock> {
  const { name } = source;
  if (source.size < offset + BigInt(sizeOf.superblock)) {
    throw corrupt(name, `it has ${source.size} bytes, and the superblock would be at offset ${offset}`);
  }
  const bytes = await source.read(offset, sizeOf.superblock);
  if (!bytes.subarray(0x40, 0x48).equals(magic)) throw corrupt(name, `no superblock at offset ${offset}`);
  const checksum = await verified(name, bytes);
  refuseUnknown(name, bytes);
  if (bytes.readBigUInt64LE(0x30) !== offset) {
    throw corrupt(name, `the superblock at offset ${offset} is that of ${bytes.readBigUInt64LE(0x30)}`);
  }
  const deviceBytes = bytes.readBigUInt64LE(0xd1);
  if (deviceBytes > source.size) {
    throw corrupt(name, `the superblock says ${deviceBytes} bytes, there are ${source.size}`);
  }
  return { checksum, ...parse(name, bytes) };
}

/** The algorithm that the superblock names, once its own checksum is right. */
async function verified(name: string, bytes: Buffer): Promise<Checksum> {
  const type = bytes.readUInt16LE(0xc4);
  const checksum = await checksumOf(type);
  if (checksum === undefined) throw unsupported(name, `the unknown checksum type ${type}`);
  const stored = bytes.subarray(0, checksum.size);
  const computed = checksum.digest(bytes.subarray(sizeOf.checksum));
  if (stored.equals(computed)) return checksum;
  throw corrupt(
    name,
    `the superblock's checksum is ${stored.toString('hex')}, its bytes give ${computed.toString('hex')} (${checksum.name})`,
  );
}

/** @throws PortableError NotSupported */
function refuseUnknown(name: string, bytes: Buffer): void {
  const refused =
    unreadableFeature(bytes.readBigUInt64LE(0xbc)) ?? unreadableFlag(bytes.readBigUInt64LE(0x38));
  if (refused !== undefined) throw unsupported(name, refused);
  const devices = bytes.readBigUInt64LE(0x88);
  if (devices !== 1n) throw unsupported(name, `${devices} devices; only those on one device can be read`);
}

function parse(name: string, bytes: Buffer): Omit<Superblock, 'checksum'> {
  const incompat = bytes.readBigUInt64LE(0xbc);
  const hasMetadataId = ((incompat >> metadataUuidBit) & 1n) === 1n;
  const sectorSize = blockSize(name, bytes, 0x90, 4096, 'sectors');
  const systemBytes = bytes.readUInt32LE(0xa0);
  if (systemBytes > systemChunkRoom) throw corrupt(name, `${systemBytes} bytes of system chunks`);
  return {
    metadataId: hasMetadataId ? bytes.subarray(0x23b, 0x24b) : bytes.subarray(0x20, 0x30),
    sectorSize,
    nodeSize: blockSize(name, bytes, 0x94, sectorSize, 'tree blocks'),
    rootTree: treeRoot(name, 'root', {
      address: bytes.readBigUInt64LE(0x50),
      generation: bytes.readBigUInt64LE(0x48),
      level: bytes.readUInt8(0xc6),
    }),
    chunkTree: treeRoot(name, 'chunk', {
      address: bytes.readBigUInt64LE(0x58),
      generation: bytes.readBigUInt64LE(0xa4),
      level: bytes.readUInt8(0xc7),
    }),
    rootDirectory: bytes.readBigUInt64LE(0x80),
    device: bytes.readBigUInt64LE(0xc9),
    systemChunks: bytes.subarray(0x32b, 0x32b + systemBytes),
  };
}

function blockSize(name: string, bytes: Buffer, at: number, smallest: number, what: string): number {
  const size = bytes.readUInt32LE(at);
  if (size >= smallest && size <= largest && (size & (size - 1)) === 0) return size;
  throw unsupported(name, `${what} of ${size} bytes; powers of two from ${smallest} to ${largest} are known`);
}

function treeRoot(name: string, tree: string, root: TreeRoot): TreeRoot {
  if (root.level <= maxLevel) return root;
  throw corrupt(name, `the ${tree} tree has level ${root.level}, and trees have levels 0 to ${maxLevel}`);
}
