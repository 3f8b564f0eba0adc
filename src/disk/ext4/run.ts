/** Consecutive blocks of a file that are stored one after the other, or not stored at all. */
export interface Run {
  /** Blocks from the one that was asked for on; at least 1. */
  readonly count: number;
  /** Where the first of them is in the file system; undefined: they read as zeros. */
  readonly physical: number | undefined;
}
