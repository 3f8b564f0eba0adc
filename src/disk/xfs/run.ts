/** Consecutive blocks of a file that are stored one after the other, or not stored at all. */
export interface Run {
  /** Blocks, at least 1. */
  readonly count: number;
  /** Where the first is, counted from the start of the file system; undefined: they read as zeros. */
  readonly physical: number | undefined;
}
