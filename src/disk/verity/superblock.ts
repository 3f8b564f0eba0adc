/** The superblock in front of a hash tree: cryptsetup's wiki, page DMVerity, "Verity superblock format". */
import type { BlockSource } from '../source.ts';
import { type BlockDigest, blockDigest } from './digest.ts';
import { corruptVerity, unsupportedVerity } from './errors.ts';

/** What is hashed, and how. */
export interface TreeParameters {
  /** The hash algorithm, as the kernel names it. */
  readonly algorithm: string;
  readonly digest: BlockDigest;
  /** Digests lie at multiples of a power of two (version 1), or one right after the other (version 0). */
  readonly padded: boolean;
  /** Bytes. */
  readonly dataBlockSize: number;
  readonly hashBlockSize: number;
  readonly dataBlocks: bigint;
}

const signature = Buffer.from('verity\0\0', 'latin1');

/** Byte offsets. */
const field = {
  version: 8,
  hashType: 12,
  algorithm: 32,
  dataBlockSize: 64,
  hashBlockSize: 68,
  dataBlocks: 72,
  saltSize: 80,
  salt: 88,
} as const;

/** Bytes of it; the tree begins with the next hash block. */
export const superblockSize = 512;

const maxSalt = 256;

/** Bytes. */
const minBlockSize = 512;
/** The kernel takes no blocks that are larger than its pages; these have 4 KiB, and more only on some machines. */
const maxBlockSize = ['arm64', 'loong64', 'mips', 'mipsel', 'ppc64'].includes(process.arch)
  ? 64 * 1024
  : 4096;

/**
 * @param tree begins with the superblock
 * @throws PortableError InvalidArgs naming the field that makes no sense, NotSupported a version or an algorithm
 */
export async function readVeritySuperblock(tree: BlockSource): Promise<TreeParameters> {
  const { name, size } = tree;
  if (size < BigInt(superblockSize)) throw corruptVerity(name, `it ends in the superblock, at ${size}`);
  const bytes = await tree.read(0n, superblockSize);
  if (!signature.equals(bytes.subarray(0, signature.length))) {
    throw corruptVerity(name, 'there is no verity superblock at offset 0');
  }
  const version = bytes.readUInt32LE(field.version);
  if (version !== 1) throw unsupportedVerity(name, `version ${version} of the superblock`);
  const hashType = bytes.readUInt32LE(field.hashType);
  if (hashType > 1) throw unsupportedVerity(name, `the hash type ${hashType}`);
  const dataBlocks = bytes.readBigUInt64LE(field.dataBlocks);
  if (dataBlocks === 0n) throw corruptVerity(name, 'its superblock says that it covers no data blocks');
  const algorithm = readText(bytes.subarray(field.algorithm, field.dataBlockSize));
  return {
    algorithm,
    digest: blockDigest(name, algorithm, readSalt(name, bytes), hashType === 1),
    padded: hashType === 1,
    dataBlockSize: readBlockSize(name, bytes, 'dataBlockSize'),
    hashBlockSize: readBlockSize(name, bytes, 'hashBlockSize'),
    dataBlocks,
  };
}

function readBlockSize(name: string, bytes: Buffer, which: 'dataBlockSize' | 'hashBlockSize'): number {
  const size = bytes.readUInt32LE(field[which]);
  const isPowerOfTwo = (size & (size - 1)) === 0;
  if (!isPowerOfTwo || size < minBlockSize || size > maxBlockSize) {
    const what = which === 'dataBlockSize' ? 'data' : 'hash';
    throw corruptVerity(name, `its superblock says that ${what} blocks have ${size} bytes`);
  }
  return size;
}

function readSalt(name: string, bytes: Buffer): Buffer {
  const size = bytes.readUInt16LE(field.saltSize);
  if (size > maxSalt) throw corruptVerity(name, `its superblock says that the salt has ${size} bytes`);
  return Buffer.from(bytes.subarray(field.salt, field.salt + size));
}

/** Up to the first NUL. */
function readText(bytes: Buffer): string {
  return bytes.toString('latin1').split('\0')[0] ?? '';
}
