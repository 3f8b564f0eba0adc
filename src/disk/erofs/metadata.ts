/**
 * Where metadata (inodes, what follows them, directories) is read from: the image through a small cache of
 * pages, or the decoded content of the metabox.
 */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import { corrupt } from './errors.ts';

/** Bytes that metadata is in. */
export interface MetadataSpace {
  readonly label: 'image' | 'metabox';
  /** What error messages call it. */
  readonly name: string;
  /** Bytes. */
  readonly size: bigint;
  /**
   * Exactly `length` bytes. The buffer may be shared: do not write to it.
   * @throws PortableError InvalidArgs when they are not all inside
   */
  read(offset: bigint, length: number): Promise<Buffer>;
}

/** Bytes of pages kept; the oldest go first. */
const cacheBytes = 1024 * 1024;

/** Pages are at least this big: small blocks would mean a system call for every few inodes. */
const minPageSize = 4096;

/**
 * The image itself, in pages of at least its block size. Each page that is read is charged as a metadata block.
 */
export function imageSpace(source: BlockSource, blockSize: number, budget: Budget): MetadataSpace {
  const pageSize = Math.max(blockSize, minPageSize);
  const pages = new Map<bigint, Promise<Buffer>>();

  const page = (index: bigint): Promise<Buffer> => {
    const known = pages.get(index);
    if (known !== undefined) {
      pages.delete(index);
      pages.set(index, known);
      return known;
    }
    budget.charge('metadataBlocks');
    const start = index * BigInt(pageSize);
    const length = Math.min(pageSize, Number(source.size - start));
    const reading = source.read(start, length);
    pages.set(index, reading);
    if (pages.size * pageSize > cacheBytes) {
      const [oldest] = pages.keys();
      if (oldest !== undefined) pages.delete(oldest);
    }
    // a failed read is tried again next time
    reading.catch(() => pages.delete(index));
    return reading;
  };

  return {
    label: 'image',
    name: source.name,
    size: source.size,
    async read(offset, length) {
      if (offset < 0n || offset + BigInt(length) > source.size) {
        throw corrupt(
          source.name,
          `${length} bytes of metadata at offset ${offset} are outside its ${source.size} bytes`,
        );
      }
      const within = Number(offset % BigInt(pageSize));
      let index = offset / BigInt(pageSize);
      const first = (await page(index)).subarray(within, within + length);
      if (first.length === length) return first;
      const parts = [first];
      for (let rest = length - first.length; rest > 0;) {
        const part = (await page(++index)).subarray(0, rest);
        parts.push(part);
        rest -= part.length;
      }
      return Buffer.concat(parts, length);
    },
  };
}
