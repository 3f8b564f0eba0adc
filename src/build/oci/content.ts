/** Files of a layer: slices of its archive, holes read as zeros. */
import type { FileContent } from '../content.ts';
import type { BlockSource } from '../../disk/source.ts';
import type { Extent } from '../tar/sparse.ts';

/**
 * @param archive open as long as the content is in use
 * @param size bytes, holes included
 * @param extents in order, without overlaps
 */
export function archivedContent(archive: BlockSource, size: number, extents: readonly Extent[]): FileContent {
  const read = async (offset: number, length: number): Promise<Buffer> => {
    const end = Math.min(size, offset + length);
    if (end <= offset) return Buffer.alloc(0);
    const [only] = extents;
    if (only !== undefined && only.at <= offset && end <= only.at + only.length) {
      return await archive.read(BigInt(only.start + offset - only.at), end - offset);
    }
    const bytes = Buffer.alloc(end - offset);
    for (let i = firstAfter(extents, offset); i < extents.length; i++) {
      const extent = extents[i];
      if (extent === undefined || extent.at >= end) break;
      const from = Math.max(offset, extent.at);
      const to = Math.min(end, extent.at + extent.length);
      (await archive.read(BigInt(extent.start + from - extent.at), to - from)).copy(bytes, from - offset);
    }
    return bytes;
  };
  const opened = { read, close: () => Promise.resolve() };
  return { size, file: archive.name, open: () => Promise.resolve(opened) };
}

/** The first extent that ends after `offset`. */
function firstAfter(extents: readonly Extent[], offset: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const extent = extents[middle];
    if (extent !== undefined && extent.at + extent.length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
