/**
 * Extent records: four fields packed into 128 bits, "XFS Algorithms & Data Structures", chapter "Data Extents".
 * From the highest bit on: unwritten (1), first block of the file (54), of the file system (52), count (21).
 */
import type { Run } from './run.ts';
import type { Volume } from './volume.ts';

export const recordSize = 16;

/** An extent; blocks of the file system are addresses with a group (Volume.locate). */
interface Extent {
  readonly start: number;
  readonly address: number;
  readonly count: number;
  readonly isWritten: boolean;
}

/** The blocks [from, to) of a file that a list of extents answers for. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Records one after the other. */
export interface ExtentList {
  readonly bytes: Buffer;
  /** Where in `bytes` the first is. */
  readonly offset: number;
  readonly count: number;
  /** What error messages call the list. */
  readonly what: string;
}

/** No file has more blocks: its size has 63 bits, and blocks at least 10. */
export const allBlocks: Span = { from: 0, to: 2 ** 53 };

/**
 * Checks that extents follow each other within `span`, and that all their blocks exist.
 * @throws PortableError InvalidArgs
 */
export function checkExtents(volume: Volume, list: ExtentList, span: Span): void {
  let { from } = span;
  for (let at = 0; at < list.count; at++) {
    const { start, address, count } = extentAt(list, at);
    if (count === 0 || start < from || start + count > span.to) {
      const range = `the file's blocks ${from} to ${span.to - 1} are left for it`;
      throw volume.corrupt(
        `${list.what}: entry ${at} has ${count} blocks from block ${start} on, but ${range}`,
      );
    }
    volume.locate(address, count, `${list.what}: entry ${at}`);
    from = start + count;
  }
}

/** The run that a checked list has for block `logical` of the file; a hole behind its last extent ends with `end`. */
export function runIn(volume: Volume, list: ExtentList, logical: number, end: number): Run {
  let low = 0;
  let high = list.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (startAt(list, middle) <= logical) low = middle + 1;
    else high = middle;
  }
  // `low` is the first extent behind the block
  if (low > 0) {
    const extent = extentAt(list, low - 1);
    const into = logical - extent.start;
    const count = extent.count - into;
    if (count > 0 && !extent.isWritten) return { count, physical: undefined };
    if (count > 0) return { count, physical: volume.locate(extent.address, extent.count, list.what) + into };
  }
  return { count: (low < list.count ? startAt(list, low) : end) - logical, physical: undefined };
}

function extentAt(list: ExtentList, at: number): Extent {
  const { bytes } = list;
  const position = list.offset + at * recordSize;
  const second = bytes.readUInt32BE(position + 4);
  const fourth = bytes.readUInt32BE(position + 12);
  return {
    start: startAt(list, at),
    address:
      (second % 2 ** 9) * 2 ** 43 + bytes.readUInt32BE(position + 8) * 2 ** 11 + Math.floor(fourth / 2 ** 21),
    count: fourth % 2 ** 21,
    isWritten: bytes.readUInt32BE(position) < 2 ** 31,
  };
}

/** Beyond 2^53 it is rounded, and refused for being there. */
function startAt({ bytes, offset }: ExtentList, at: number): number {
  const position = offset + at * recordSize;
  return (
    (bytes.readUInt32BE(position) % 2 ** 31) * 2 ** 23 + Math.floor(bytes.readUInt32BE(position + 4) / 2 ** 9)
  );
}
