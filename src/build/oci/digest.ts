/** Digests of blobs: OCI Image Format Specification, descriptor.md, section "Digests". */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { PortableError, quoted } from '../../base/errors.ts';
import type { BlockSource } from '../../disk/source.ts';

/** "sha256:…", checked: it is safe as a part of a path. */
export interface Digest {
  readonly algorithm: 'sha256' | 'sha512';
  /** Lower case. */
  readonly hex: string;
}

/** How much is hashed at a time, bytes. */
const pieceBytes = 1024 * 1024;

/** @throws PortableError InvalidArgs when it is malformed, or of an algorithm that the specification does not register */
export function parseDigest(text: string, file: string): Digest {
  const match = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.exec(text);
  const [algorithm, hex] = text.split(':');
  if (match === null || hex === undefined) {
    throw new PortableError('InvalidArgs', `${quoted(file)} has ${quoted(text)} where a digest must be`, {
      file,
      hint: 'digests are sha256 or sha512, in lower case',
    });
  }
  return { algorithm: algorithm === 'sha512' ? 'sha512' : 'sha256', hex };
}

/** As parseDigest reads it. */
export function formatDigest({ algorithm, hex }: Digest): string {
  return `${algorithm}:${hex}`;
}

/** Gathers the digest of what passes by. */
export function startDigest({ algorithm }: Digest): Hash {
  return createHash(algorithm);
}

/**
 * @param hash what was gathered
 * @param what which blob it is, as it fits after "the digest of"
 * @throws PortableError InvalidArgs when it is not the digest expected
 */
export function checkDigest(hash: Hash, expected: Digest, what: string, file: string): void {
  const hex = hash.digest('hex');
  if (hex === expected.hex) return;
  throw new PortableError(
    'InvalidArgs',
    `the digest of ${what} in ${quoted(file)} is ${expected.algorithm}:${hex}, and should be ${formatDigest(expected)}`,
    { file, hint: 'it was changed or damaged: fetch the container image again' },
  );
}

/** All bytes of a source, in pieces. @throws what the signal gives */
export async function* piecesOfSource(
  source: BlockSource,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const size = Number(source.size);
  for (let at = 0; at < size; at += pieceBytes) {
    signal?.throwIfAborted();
    yield await source.read(BigInt(at), Math.min(pieceBytes, size - at));
  }
}
