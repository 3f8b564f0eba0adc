/**
 * Attributes in blocks: leaves that are sorted by the hash of the names, and where there is more than one, an index of
 * them. "XFS Algorithms & Data Structures", chapter "Extended Attributes", sections "Leaf Attributes", "Node Attributes".
 */
import { u16, u32, u8 } from './fields.ts';
import { type IndexBlock, findLeaf, readIndexBlock } from './index-blocks.ts';
import type { Fork, Inode } from './inode.ts';
import type { Volume } from './volume.ts';
import { type XattrEntry, checkFlags, isXattrName, xattrFlags } from './xattr-entry.ts';

/** Bytes before the entries: struct xfs_attr3_leaf_hdr. */
const entriesAt = 80;
const entryLayout = { size: 8, nameOffset: u16(4), flags: u8(6) } as const;

/** Where the offset leads: name and value one after the other, or the place of the value and the name. */
const localName = { size: 3, valueLength: u16(0), nameLength: u8(2) } as const;
const remoteName = { size: 9, block: u32(0), valueLength: u32(4), nameLength: u8(8) } as const;

/** Block numbers of the fork, which has 32 bits for them. */
const endOfFork = 2 ** 32;

/**
 * @param fork the attributes of `inode`, in blocks
 * @throws PortableError InvalidArgs when a block or an entry is impossible, NotSupported, LimitsExceeded
 */
export async function* leafXattrs(volume: Volume, inode: Inode, fork: Fork): AsyncGenerator<XattrEntry> {
  const index = { volume, inode, fork, blocks: 1, from: 0, to: endOfFork };
  const seen = new Set<number>();
  for (let leaf = await findLeaf(index, undefined); ; leaf = await readIndexBlock(index, leaf.next)) {
    if (leaf.kind !== 'attribute leaf')
      throw volume.corrupt(`${leaf.what} is the ${leaf.kind} of something else`);
    if (seen.has(leaf.logical)) throw volume.corrupt(`${leaf.what} is behind itself`);
    seen.add(leaf.logical);
    yield* entriesOf(volume, leaf);
    if (leaf.next === 0) return;
  }
}

function* entriesOf(volume: Volume, leaf: IndexBlock): Generator<XattrEntry> {
  const { bytes, count, what } = leaf;
  const namesFrom = entriesAt + count * entryLayout.size;
  if (namesFrom > bytes.length) throw volume.corrupt(`${what} has ${count} attributes, which do not fit`);
  for (let at = 0; at < count; at++) {
    volume.budget.checkTime();
    const entry = entriesAt + at * entryLayout.size;
    const where = `attribute ${at} of ${what}`;
    const flags = entryLayout.flags(bytes, entry);
    checkFlags(volume, flags, where);
    const offset = entryLayout.nameOffset(bytes, entry);
    const found =
      offset < namesFrom ? undefined : nameAndValue(bytes, offset, (flags & xattrFlags.local) !== 0);
    if (found === undefined) throw volume.corrupt(`${where} is cut off (byte ${offset})`);
    if ((flags & xattrFlags.parent) === 0 && !isXattrName(found.name)) {
      throw volume.corrupt(`${where} has an impossible name`);
    }
    yield { flags, ...found };
  }
}

/** Undefined when it goes beyond the block. */
function nameAndValue(bytes: Buffer, at: number, isLocal: boolean): Omit<XattrEntry, 'flags'> | undefined {
  const layout = isLocal ? localName : remoteName;
  if (at + layout.size > bytes.length) return undefined;
  const nameAt = at + layout.size;
  const valueAt = nameAt + layout.nameLength(bytes, at);
  const size = layout.valueLength(bytes, at);
  if (valueAt + (isLocal ? size : 0) > bytes.length) return undefined;
  return {
    name: bytes.subarray(nameAt, valueAt),
    value: isLocal
      ? Buffer.from(bytes.subarray(valueAt, valueAt + size))
      : { block: remoteName.block(bytes, at), size },
  };
}
