/**
 * The node addresses that have changed since their table was written: in the checkpoint, where its summary of the segment
 * for hot data has room for them. Layout: struct f2fs_summary_block, struct f2fs_journal, struct nat_journal_entry.
 */
import type { Volume } from './volume.ts';

/** What the table of node addresses has for a node: 9 bytes; struct f2fs_nat_entry. */
export interface NatEntry {
  /** The inode that the node belongs to. */
  readonly inode: number;
  /** Block; 0: there is no such node. */
  readonly address: number;
}

export const natEntrySize = 9;

/** Node number and entry. */
const journalEntrySize = 4 + natEntrySize;
const journalCountSize = 2;

/** Behind the summaries, of which there is one of 7 bytes for each 8 bytes of the block, is the journal, then a footer. */
const summaryShare = 7 / 8;
const footerSize = 5;

/** Reads the entry of the table that starts at `offset`. */
export function natEntry(bytes: Buffer, offset: number): NatEntry {
  return { inode: bytes.readUInt32LE(offset + 1), address: bytes.readUInt32LE(offset + 5) };
}

/**
 * The entries of the journal in a summary block.
 * @param isCompact the block starts with the journal, and has summaries of more than one segment
 * @throws PortableError InvalidArgs when it says it has more than there is room for
 */
export function journalEntries(
  volume: Volume,
  block: Buffer,
  isCompact: boolean,
): ReadonlyMap<number, NatEntry> {
  const start = isCompact ? 0 : block.length * summaryShare;
  const room = block.length - block.length * summaryShare - footerSize - journalCountSize;
  const count = block.readUInt16LE(start);
  if (count * journalEntrySize > room) {
    throw volume.corrupt(`the checkpoint's journal has ${count} node addresses, and ${room} bytes for them`);
  }
  const entries = new Map<number, NatEntry>();
  for (let index = 0; index < count; index++) {
    const offset = start + journalCountSize + index * journalEntrySize;
    const node = block.readUInt32LE(offset);
    // the first one counts, as for whoever searches
    if (!entries.has(node)) entries.set(node, natEntry(block, offset + 4));
  }
  return entries;
}
