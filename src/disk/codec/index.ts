/** The registry of decompressors. Each is loaded when first needed: a daemon that starts needs none. */
import { PortableError, quoted } from '../../base/errors.ts';
import { CorruptBlock } from './codec.ts';
import type { Codec, CodecName, OutputSize, PartialBlock } from './codec.ts';
import { restarted } from './partial.ts';

export type { CodecName, OutputSize, PartialBlock } from './codec.ts';

const loaders: Readonly<Record<CodecName, () => Promise<Codec>>> = {
  zlib: once(async () => (await import('./zlib.ts')).zlib),
  deflate: once(async () => (await import('./zlib.ts')).deflate),
  xz: once(async () => (await import('./lzma/xz.ts')).xz),
  lzma: once(async () => (await import('./lzma/alone.ts')).lzma),
  microlzma: once(async () => (await import('./lzma/alone.ts')).microlzma),
  zstd: once(async () => (await import('./zstd/index.ts')).zstd),
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
  const { decompress: decode } = await loaders[codec]();
  return naming(codec, place, () => decode(input, size));
}

/**
 * A block that is decompressed no further than its readers need. Calls of `upTo` queue up.
 *
 * @param input the compressed bytes, which are kept as long as the block
 * @param maxOutput the most bytes it may expand to
 * @throws PortableError as decompress, from here or from `upTo`
 */
export async function openBlock(
  codec: CodecName,
  input: Buffer,
  maxOutput: number,
  place: BlockPlace,
): Promise<PartialBlock> {
  const { decompress: decode, open, cheapBytes } = await loaders[codec]();
  const block = await naming(codec, place, () =>
    open === undefined ? restarted(decode, input, maxOutput, cheapBytes) : open(input, maxOutput),
  );
  // each call waits for the one before; after a failure, nothing is known of the decoder's state, and all fail
  let last: Promise<unknown> = Promise.resolve();
  return {
    get complete() {
      return block.complete;
    },
    upTo(length) {
      const result = last.then(() => naming(codec, place, () => block.upTo(length)));
      last = result;
      return result;
    },
  };
}

/** Runs `work`, and says of a block that is corrupt where it is. */
async function naming<T>(codec: CodecName, place: BlockPlace, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
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
