/** What every part of the reader shares while one image is open. */
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import type { DataBlocks } from './data-blocks.ts';
import type { LookupTable } from './lookup-table.ts';
import type { MetadataReader } from './metadata.ts';
import type { Superblock } from './superblock.ts';
import type { XattrTable } from './xattrs.ts';

export interface Volume {
  readonly source: BlockSource;
  readonly budget: Budget;
  readonly superblock: Superblock;
  readonly metadata: MetadataReader;
  readonly data: DataBlocks;
  readonly ids: LookupTable;
  /** Undefined where the image has none. */
  readonly fragments: LookupTable | undefined;
  readonly xattrs: XattrTable | undefined;
}
