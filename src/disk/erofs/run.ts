/** Runs: the pieces that content is made of. */
import type { Purpose, Volume } from './volume.ts';

/** A piece of content whose bytes come from one place. Offsets are those of the content. */
export interface Run {
  /** The byte after it. */
  readonly end: bigint;
  /** Exactly `length` bytes from `offset`, all of them in this run. */
  read(offset: bigint, length: number): Promise<Buffer>;
}

/** The run that the byte at `offset` (inside the content) is in. */
export type FindRun = (offset: bigint) => Run | Promise<Run>;

/** Bytes that are not stored. */
export function zeroRun(end: bigint): Run {
  return { end, read: (_offset, length) => Promise.resolve(Buffer.alloc(length)) };
}

/** Bytes stored as they are: content from `start` is at `position` of the image. */
export function storedRun(
  volume: Volume,
  purpose: Purpose,
  start: bigint,
  end: bigint,
  position: bigint,
): Run {
  return { end, read: (offset, length) => readImage(volume, purpose, position + (offset - start), length) };
}

/** Bytes of the image, by way of the page cache where they are metadata. */
export function readImage(
  volume: Volume,
  purpose: Purpose,
  position: bigint,
  length: number,
): Promise<Buffer> {
  return purpose === 'metadata' ? volume.image.read(position, length) : volume.source.read(position, length);
}
