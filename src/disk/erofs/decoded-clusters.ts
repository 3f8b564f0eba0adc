/** Decompressing clusters. The last ones are kept: neighbours in an image are often read one after the other. */
import { PortableError } from '../../base/errors.ts';
import type { Budget } from '../budget.ts';
import { decompress } from '../codec/index.ts';
import type { BlockSource } from '../source.ts';
import type { Codecs } from './algorithms.ts';
import { corrupt, unsupported } from './errors.ts';
import type { Compressed } from './extent.ts';
import { maxClusterBytes, maxDecodedBytes } from './format.ts';
import type { Purpose } from './volume.ts';

export interface DecodedClusters {
  /**
   * At least the first `wanted` bytes of an extent. The buffer is shared: do not write to it.
   * @param length bytes of content in the extent; at least `wanted`
   */
  read(data: Compressed, length: number, wanted: number, purpose: Purpose): Promise<Buffer>;
}

export interface DecoderOptions {
  readonly source: BlockSource;
  readonly budget: Budget;
  readonly codecs: Codecs;
  /** Compressed bytes are at the end of their cluster, zeros before them. */
  readonly zeroPadding: boolean;
}

/** Decoded bytes kept. One extent may exceed this alone; it goes when the next is decoded. */
const cacheBytes = 1024 * 1024;

/** Decoded beyond what is needed: small files that are read together tend to be stored together. */
const aheadBytes = 32 * 1024;

/** Corrupt clusters remembered, so that many files in one of them do not cost a decoding each. */
const maxFailures = 64;

/** Clusters of one image, decompressed on demand; failures are remembered, too. */
export function decodedClusters(options: DecoderOptions): DecodedClusters {
  const cache = new Map<string, Buffer>();
  const failures = new Map<string, { readonly wanted: number; readonly error: PortableError }>();

  const attempt = async (key: string, data: Compressed, amount: Amount): Promise<Buffer> => {
    const failure = failures.get(key);
    if (failure !== undefined && amount.wanted >= failure.wanted) throw failure.error;
    try {
      return await decode(options, data, amount);
    } catch (error) {
      if (error instanceof PortableError && error.code === 'InvalidArgs') {
        if (failures.size >= maxFailures) failures.clear();
        failures.set(key, { wanted: amount.wanted, error });
      }
      throw error;
    }
  };

  const keep = (key: string, bytes: Buffer) => {
    cache.set(key, bytes);
    let total = 0;
    for (const kept of cache.values()) total += kept.length;
    for (const [oldest, kept] of cache) {
      if (total <= cacheBytes || oldest === key) break;
      cache.delete(oldest);
      total -= kept.length;
    }
  };

  return {
    async read(data, length, wanted, purpose) {
      const { space, position, length: compressed } = data.place;
      const key = `${space?.label ?? 'image'} ${position} ${compressed} ${data.algorithm}`;
      const known = cache.get(key);
      cache.delete(key);
      if (known !== undefined && known.length >= wanted) {
        cache.set(key, known);
        return known;
      }
      // the start of an extent is often all that is ever needed; decoding starts again when it is not, so twice as far
      const enough = Math.min(length, Math.max(wanted + aheadBytes, 2 * (known?.length ?? 0)));
      if (enough > cacheBytes) cache.clear();
      const bytes = await attempt(key, data, { length, wanted: enough, purpose });
      keep(key, bytes);
      return bytes;
    },
  };
}

interface Amount {
  /** Bytes of content in the extent. */
  readonly length: number;
  /** How many of them to decode. */
  readonly wanted: number;
  readonly purpose: Purpose;
}

async function decode(options: DecoderOptions, data: Compressed, amount: Amount): Promise<Buffer> {
  const { source, budget } = options;
  const { place } = data;
  const codec = options.codecs[data.algorithm];
  if (codec === undefined) {
    throw unsupported(
      source.name,
      `compression algorithm ${data.algorithm}, which its superblock does not name`,
    );
  }
  checkLengths(options, place.length, amount.length);
  if (amount.purpose === 'metadata') budget.charge('metadataBlocks');
  else budget.checkTime();
  const stored =
    place.space === undefined
      ? await source.read(place.position, place.length)
      : await place.space.read(place.position, place.length);
  const padding = options.zeroPadding ? leadingZeros(stored) : 0;
  const bytes = await decompress(
    codec,
    stored.subarray(padding),
    // the cluster may go on: another extent can use more of it
    { maxOutput: amount.length, wanted: amount.wanted },
    { file: source.name, offset: place.position },
  );
  if (bytes.length < amount.wanted) {
    throw corrupt(
      source.name,
      `the ${codec} cluster at offset ${place.position} has ${bytes.length} bytes, and ${amount.wanted} are needed`,
    );
  }
  return bytes;
}

/**
 * The format has 1 MiB of compressed bytes at most, which may be 12 MiB decompressed. A lower limit on blocks
 * lowers both.
 */
function checkLengths(options: DecoderOptions, compressed: number, decoded: number): void {
  const { source, budget } = options;
  if (compressed > maxClusterBytes || decoded > maxDecodedBytes) {
    throw corrupt(source.name, `a compressed cluster of ${compressed} bytes for ${decoded} bytes of content`);
  }
  const limit = budget.limits.blockBytes;
  if (compressed > limit || decoded > limit * (maxDecodedBytes / maxClusterBytes)) {
    throw budget.exceeded(`a compressed cluster of ${compressed} bytes for ${decoded} bytes of content`);
  }
}

function leadingZeros(bytes: Buffer): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first === -1 ? bytes.length : first;
}
