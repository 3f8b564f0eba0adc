/** Compressed extents: https://btrfs.readthedocs.io/en/latest/Compression.html; the streams end where they say so. */
import type { PortableError } from '../../base/errors.ts';
import { type BlockPlace, decompress } from '../codec/index.ts';
import { corrupt } from './errors.ts';
import type { Compression } from './file-extents.ts';

/** What an extent is decompressed with. */
export interface Packed {
  readonly compression: Exclude<Compression, 'none'>;
  /** Compressed bytes; anything may follow them. */
  readonly bytes: Buffer;
  /** Bytes that they expand to; zeros fill up what is missing. */
  readonly expandedBytes: number;
  readonly sectorSize: number;
  readonly place: BlockPlace;
}

/** @throws PortableError InvalidArgs when they cannot be decompressed */
export async function expand(packed: Packed): Promise<Buffer> {
  const expanded = await decoders[packed.compression](packed);
  if (expanded.length === packed.expandedBytes) return expanded;
  const filled = Buffer.alloc(packed.expandedBytes);
  expanded.copy(filled);
  return filled;
}

const decoders: Readonly<Record<Packed['compression'], (packed: Packed) => Promise<Buffer>>> = {
  zlib: (packed) => decompress('zlib', packed.bytes, sizeOf(packed), packed.place),
  lzo: expandLzo,
  async zstd(packed) {
    const { firstFrame } = await import('../codec/zstd/frame.ts');
    return decompress('zstd', firstFrame(packed.bytes), sizeOf(packed), packed.place);
  },
};

function sizeOf({ expandedBytes }: Packed): { readonly maxOutput: number; readonly wanted: number } {
  return { maxOutput: expandedBytes, wanted: expandedBytes };
}

/** Bytes of the length of all, and of each segment. */
const lengthBytes = 4;

/**
 * The length of everything, then segments, each with its length before it. A segment expands to a sector at most; its
 * length does not reach over the end of a sector, but begins in the next.
 */
async function expandLzo({ bytes, expandedBytes, sectorSize, place }: Packed): Promise<Buffer> {
  const total = lengthAt(bytes, 0, bytes.length, place);
  const parts: Buffer[] = [];
  let expanded = 0;
  for (let at = lengthBytes; at < total && expanded < expandedBytes;) {
    const leftInSector = sectorSize - (at % sectorSize);
    if (leftInSector < lengthBytes) at += leftInSector;
    const start = at + lengthBytes;
    const length = lengthAt(bytes, at, total - start, place);
    const size = { maxOutput: Math.min(sectorSize, expandedBytes - expanded) };
    const where = { ...place, offset: place.offset + BigInt(start) };
    const part = await decompress('lzo', bytes.subarray(start, start + length), size, where);
    parts.push(part);
    expanded += part.length;
    at = start + length;
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

/** A length that is stored at `at`. @param most what it may be */
function lengthAt(bytes: Buffer, at: number, most: number, place: BlockPlace): number {
  if (at + lengthBytes > bytes.length) throw badLzo(place, 'is cut off');
  const length = bytes.readUInt32LE(at);
  if (length < 1 || length > most) throw badLzo(place, `has a length of ${length} bytes at its byte ${at}`);
  return length;
}

function badLzo({ file, offset }: BlockPlace, what: string): PortableError {
  return corrupt(file, `the lzo extent at offset ${offset} ${what}`);
}
