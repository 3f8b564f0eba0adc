/** What unpacking a container image may cost: it is hostile input, and a few bytes can expand to any number. */

export interface UnpackLimits {
  /** Bytes of all layers together, uncompressed. */
  readonly totalBytes: number;
  /** Entries of all layers together. */
  readonly entries: number;
  /** How many times its size a layer may expand to; the first 64 MiB of it are not held against it. */
  readonly ratio: number;
  /** Bytes of names, link targets and extended attributes of all layers together: they are kept in memory. */
  readonly metadataBytes: number;
}

export const defaultUnpackLimits: UnpackLimits = {
  totalBytes: 32 * 1024 ** 3,
  entries: 1000 * 1024,
  ratio: 200,
  metadataBytes: 256 * 1024 ** 2,
};

/** A layer that expands to less is no bomb, whatever its ratio: a file of zeros is a legitimate thing. */
export const harmlessBytes = 64 * 1024 ** 2;
