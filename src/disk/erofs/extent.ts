/** Extents: what a compression map says about a range of content. */
import type { MetadataSpace } from './metadata.ts';

export interface Extent {
  /** Bytes of content, the end excluded. */
  readonly start: bigint;
  readonly end: bigint;
  readonly data: ExtentData;
}

export type ExtentData = Hole | Fragment | Stored | Compressed;

export interface Hole {
  readonly kind: 'hole';
}

export interface Fragment {
  readonly kind: 'fragment';
  /** Bytes from the start of the packed inode. */
  readonly offset: bigint;
}

/** Bytes somewhere: in the image, or in the metadata after the inode. */
export interface Place {
  /** Undefined for the image itself. */
  readonly space: MetadataSpace | undefined;
  readonly position: bigint;
  readonly length: number;
}

export interface Stored {
  readonly kind: 'stored';
  readonly place: Place;
  /** Rotated, so that content that starts at byte n of a block is at byte n of a block here. */
  readonly interlaced: boolean;
}

export interface Compressed {
  readonly kind: 'compressed';
  readonly place: Place;
  /** The algorithm's number. */
  readonly algorithm: number;
}
