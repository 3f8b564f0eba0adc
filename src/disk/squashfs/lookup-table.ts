/**
 * Tables of fixed-size entries (ids, fragments, xattr sets): the entries are in metadata blocks, and a list of
 * the blocks' positions follows them. The table's own position is that of the list.
 */
import type { BlockSource } from '../source.ts';
import { corrupt } from './errors.ts';
import { metadataBytes } from './format.ts';
import type { MetadataReader } from './metadata.ts';
import { Recent } from '../recent.ts';

/** Bytes of a block's position in the list. */
const pointerBytes = 8;
/** Positions read together: one page's worth. */
const pointersPerRead = 512;

export interface LookupTable {
  readonly count: number;
  /** The bytes of entry `index`; the caller must not change them. @throws PortableError when there is no such entry */
  entry(index: number): Promise<Buffer>;
}

/** @param label what errors call the table: "fragment" */
export function lookupTable(
  source: BlockSource,
  metadata: MetadataReader,
  table: {
    readonly label: string;
    readonly list: bigint;
    readonly count: number;
    readonly entryBytes: number;
    /** Where the image ends, bytes. */
    readonly end: bigint;
  },
): LookupTable {
  const { label, list, count, entryBytes, end } = table;
  const entriesPerBlock = metadataBytes / entryBytes;
  const blocks = Math.ceil(count / entriesPerBlock);
  if (list + BigInt(blocks * pointerBytes) > end) {
    throw corrupt(source.name, `the ${label} table at ${list} has no room for its ${count} entries`);
  }
  const pointers = new Recent<number, Buffer>(2);

  const pointer = async (block: number): Promise<bigint> => {
    const group = Math.floor(block / pointersPerRead);
    const first = group * pointersPerRead;
    const bytes = await pointers.get(group, () =>
      source.read(
        list + BigInt(first * pointerBytes),
        Math.min(pointersPerRead, blocks - first) * pointerBytes,
      ),
    );
    return bytes.readBigUInt64LE((block - first) * pointerBytes);
  };

  return {
    count,
    async entry(index) {
      if (index >= count)
        throw corrupt(source.name, `${label} ${index} is asked for, and there are ${count}`);
      const position = await pointer(Math.floor(index / entriesPerBlock));
      return metadata.cursor(position, (index % entriesPerBlock) * entryBytes).read(entryBytes);
    },
  };
}
