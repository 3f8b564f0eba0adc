/** The registry of decompressors. Each is loaded when first needed: a daemon that starts needs none. */
import { PortableError, quoted } from '../../base/errors.ts';
import { CorruptBlock } from './codec.ts';
import type { CodecName, Decompressor, OutputSize } from './codec.ts';

export type { CodecName, OutputSize } from './codec.ts';

const loaders: Readonly<Record<CodecName, () => Promise<Decompressor>>> = {
  zlib: once(async () => (await import('./zlib.ts')).zlib),
  deflate: once(async () => (await import('./zlib.ts')).deflate),
  xz: once(async () => (await import('./xz.ts')).xz),
  lzma: once(async () => (await import('./lzma-formats.ts')).lzma),
  microlzma: once(async () => (await import('./lzma-formats.ts')).microlzma),
  zstd: once(async () => (await import('./zstd.ts')).zstd),
  lz4: once(async () => (await import('./lz4.ts')).lz4),
  lzo: once(async () => (await import('./lzo.ts')).lzo),
};

/** Where a compressed block lies, for error messages. */
export interface BlockPlace {
  /** The image, or the partition of it. */
  readonly file: string;
  /** Bytes from the start of it. */
  readonly offset: bigint;
}

/**
 * Decompresses one block.
 *
 * @param input the compressed bytes, all of them in memory
 * @param size the most bytes it may expand to, and how many of them are wanted
 * @returns the decompressed bytes: all of them, or the first `size.wanted`
 * @throws PortableError InvalidArgs naming file and offset when the block is corrupt or expands beyond `maxOutput`
 */
export async function decompress(
  codec: CodecName,
  input: Buffer,
  size: OutputSize,
  place: BlockPlace,
): Promise<Buffer> {
  const decompressor = await loaders[codec]();
  try {
    return await decompressor(input, size);
  } catch (error) {
    if (!(error instanceof CorruptBlock)) throw error;
    throw new PortableError(
      'InvalidArgs',
      `${quoted(place.file)} is corrupt: the ${codec} block at offset ${place.offset} cannot be decompressed: ${error.message}`,
      { file: place.file, cause: error, hint: 'copy the image again, or compare its checksum' },
    );
  }
}

/** import() remembers modules as well, but takes longer than a small block does to decompress. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => (loaded ??= load());
}
