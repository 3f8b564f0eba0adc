/** The hashes of hash trees: how blocks are hashed, and with which algorithms. */
import { createHash } from 'node:crypto';
import { unsupportedVerity } from './errors.ts';

/** A hash algorithm with its salt. */
export interface BlockDigest {
  /** Bytes of a digest. */
  readonly size: number;
  /** The digest of a data block, or of a block of hashes. */
  of(block: Buffer): Buffer;
}

/** Names of the kernel's crypto API, which superblocks have → names in OpenSSL, and bytes of a digest. */
const algorithms: ReadonlyMap<string, readonly [name: string, size: number]> = new Map([
  ['sha1', ['sha1', 20]],
  ['sha224', ['sha224', 28]],
  ['sha256', ['sha256', 32]],
  ['sha384', ['sha384', 48]],
  ['sha512', ['sha512', 64]],
  ['sha3-224', ['sha3-224', 28]],
  ['sha3-256', ['sha3-256', 32]],
  ['sha3-384', ['sha3-384', 48]],
  ['sha3-512', ['sha3-512', 64]],
  ['blake2b-512', ['blake2b512', 64]],
  ['blake2s-256', ['blake2s256', 32]],
]);

/**
 * @param file what error messages name
 * @param algorithm as the superblock has it
 * @param saltFirst version 1 hashes the salt and then the block; version 0, of Chrome OS, the other way round
 * @throws PortableError NotSupported naming an algorithm that is not known
 */
export function blockDigest(file: string, algorithm: string, salt: Buffer, saltFirst: boolean): BlockDigest {
  const [name, size] = algorithms.get(algorithm) ?? [];
  if (name === undefined || size === undefined) {
    throw unsupportedVerity(
      file,
      `the hash algorithm ${JSON.stringify(algorithm)}, which is none of ${[...algorithms.keys()].join(', ')}`,
    );
  }
  return {
    size,
    of(block) {
      const [first, second] = saltFirst ? [salt, block] : [block, salt];
      return createHash(name).update(first).update(second).digest();
    },
  };
}
