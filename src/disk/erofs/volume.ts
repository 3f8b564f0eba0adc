/** What every part of the reader shares while one image is open. */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import type { Content } from './content.ts';
import type { DecodedClusters } from './decoded-clusters.ts';
import type { InodeSpaces } from './inode.ts';

export interface Volume extends InodeSpaces {
  readonly source: BlockSource;
  readonly budget: Budget;
  readonly decoded: DecodedClusters;
  /** The content of the packed inode; undefined where there may be no fragments. */
  readonly packed: (() => Promise<Content>) | undefined;
}

/**
 * Why content is read. Metadata (directories, symlinks, the metabox) goes through the page cache and is charged
 * to the budget; data is neither: what a file costs is the caller's choice.
 */
export type Purpose = 'metadata' | 'data';
