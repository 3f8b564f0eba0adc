/** An image as discovery finds it: a name, where it is, and what stat(2) and the file system tell of it. */

export type ImageType = 'directory' | 'subvolume' | 'raw' | 'block';

/** Whether images of this type are trees of the host's own, as opposed to disk images with a file system in them. */
export function isTree(type: ImageType): boolean {
  return type === 'directory' || type === 'subvolume';
}

/** The value of sizes and limits that are not known, as on the bus. */
export const unknownSize = 0xffff_ffff_ffff_ffffn;

/** Where an image is and what it is: enough to open or attach it. */
export interface Image {
  /** The file name without ".raw". */
  readonly name: string;
  /** Absolute path on the host (below the root in use), all symlinks resolved. */
  readonly path: string;
  /** The path it was found under: in the search path (perhaps a symlink), or as given. */
  readonly foundAt: string;
  readonly type: ImageType;
  /** It was found by name in the search path, not given by path. */
  readonly inSearchPath: boolean;
}

/** What the bus properties tell; sizes in bytes, times in µs since the epoch (0 = unknown). */
export interface ImageFacts {
  readonly readOnly: boolean;
  readonly creationTime: bigint;
  readonly modificationTime: bigint;
  readonly usage: bigint;
  readonly limit: bigint;
  readonly usageExclusive: bigint;
  readonly limitExclusive: bigint;
}
