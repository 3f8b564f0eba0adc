/**
 * Block decompressors behind one interface. Every codec writes into a buffer whose size the caller fixes, so a
 * hostile block costs at most that; whatever else is wrong with the bytes is a CorruptBlock, which index.ts
 * turns into a PortableError naming the file and the offset.
 */

/**
 * The formats:
 * - `zlib`: RFC 1950 (squashfs "gzip")
 * - `deflate`: raw RFC 1951 (erofs)
 * - `xz`: a whole .xz stream with LZMA2, optionally after one BCJ filter (squashfs)
 * - `lzma`: the 13-byte header format of LZMA Utils, ".lzma" (squashfs "lzma")
 * - `microlzma`: LZMA1 whose first byte is the inverted properties byte, no size, no end marker (erofs)
 * - `zstd`: RFC 8878 frames
 * - `lz4`: one LZ4 block, no frame
 * - `lzo`: LZO1X or LZO-RLE with its end marker
 */
export const codecNames = ['zlib', 'deflate', 'xz', 'lzma', 'microlzma', 'zstd', 'lz4', 'lzo'] as const;

export type CodecName = (typeof codecNames)[number];

/** How much may come out of a block, bytes. */
export interface OutputSize {
  /** The most that this block may expand to. A block that has more to give is corrupt, unless `wanted` says where to stop. */
  readonly maxOutput: number;
  /**
   * Stop once this many bytes (at most `maxOutput`) are there: what follows in the block is neither decoded nor
   * checked. The result is shorter only when the block ends before. Default: decode the whole block.
   * `microlzma` has no other way to know its end, and decodes `wanted ?? maxOutput` bytes exactly.
   */
  readonly wanted?: number | undefined;
}

/**
 * One decompressor. The result is a buffer of its own, never longer than `wanted ?? maxOutput`.
 * @throws CorruptBlock for every kind of bad input
 */
export type Decompressor = (input: Buffer, size: OutputSize) => Promise<Buffer>;

/** A block that is decompressed as far as it is needed, and further when more is. One call at a time. */
export interface PartialBlock {
  /**
   * At least the first `length` bytes, or all there are when the block has fewer; more when that costs nothing.
   * The caller must not change them.
   * @throws CorruptBlock
   */
  upTo(length: number): Promise<Buffer>;
  /** Whether all of it has been decompressed. */
  readonly complete: boolean;
}

export interface Codec {
  readonly decompress: Decompressor;
  /** Where it can go on from where it stopped: that. Without it, going on means starting again. */
  readonly open?: (input: Buffer, maxOutput: number) => PartialBlock;
  /** Blocks of at most this many bytes take no longer than stopping in the middle of them does. Default: none. */
  readonly cheapBytes?: number;
}

/** Bad compressed data; the message says what is wrong with it, and fits after "…: ". */
export class CorruptBlock extends Error {
  override readonly name = 'CorruptBlock';
}
