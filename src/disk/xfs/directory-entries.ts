/**
 * Directory entries as stored in blocks: one after the other, with stretches that are free between them.
 * "XFS Algorithms & Data Structures", chapter "Directories" (struct xfs_dir2_data_entry, struct xfs_dir2_data_unused).
 */
import { entryKinds } from '../node-kind.ts';
import type { NodeKind } from '../tree.ts';
import { u16, u64, u8 } from './fields.ts';
import type { Volume } from './volume.ts';

/** An entry that is in use, "." and ".." included in blocks, not in inodes. */
export interface StoredEntry {
  readonly inode: bigint;
  /** Part of the block: copy it before handing it out. */
  readonly name: Buffer;
  /** undefined: the inode knows. */
  readonly kind: NodeKind | undefined;
}

/** The part of a directory's block that has entries. */
export interface EntryArea {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** What error messages call it. */
  readonly what: string;
}

/** Bytes: entries and free stretches start at multiples of this, and end with their own offset. */
export const alignment = 8;
const tagSize = 2;

const used = { inode: u64(0), nameLength: u8(8), nameAt: 9 } as const;
const free = { tag: u16(0), length: u16(2) } as const;
const freeTag = 0xffff;

/** By the number that is stored with the feature ftype. What is not here, the inode tells. */
const kinds: readonly (NodeKind | undefined)[] = [
  ...entryKinds,
  // a whiteout of overlayfs, which is a character device as well
  'character',
];

/**
 * The entries of one block.
 * @throws PortableError InvalidArgs when an entry or a name is impossible
 */
export function* entriesIn(volume: Volume, area: EntryArea): Generator<StoredEntry> {
  for (let at = area.start; at < area.end;) {
    if (at + alignment <= area.end && free.tag(area.bytes, at) === freeTag) {
      const length = free.length(area.bytes, at);
      if (length === 0 || length % alignment !== 0 || length > area.end - at) {
        throw volume.corrupt(`${area.what}: the free stretch at byte ${at} is ${length} bytes long`);
      }
      at += length;
      continue;
    }
    const { entry, size } = entryIn(volume, area, at);
    yield entry;
    at += size;
  }
}

/**
 * The entry at byte `at` of a block, and how many bytes it takes.
 * @throws PortableError InvalidArgs when it is impossible
 */
export function entryIn(
  volume: Volume,
  area: EntryArea,
  at: number,
): { readonly entry: StoredEntry; readonly size: number } {
  const { bytes, start, end, what } = area;
  const bad = (problem: string) => volume.corrupt(`${what}: the entry at byte ${at} ${problem}`);
  if (at < start || at + used.nameAt > end)
    throw bad(`is outside of ${start} to ${end - 1}, where entries are`);
  const hasKind = volume.superblock.features.has('ftype');
  const nameEnd = at + used.nameAt + used.nameLength(bytes, at);
  const size = roundUp(nameEnd + (hasKind ? 1 : 0) + tagSize - at);
  if (at + size > end) throw bad('is cut off');
  const tag = bytes.readUInt16BE(at + size - tagSize);
  if (tag !== at) throw bad(`says that it is at byte ${tag}`);
  const name = bytes.subarray(at + used.nameAt, nameEnd);
  if (!isName(name)) throw bad('has an impossible name');
  const kind = hasKind ? kindOf(bytes.readUInt8(nameEnd), bad) : undefined;
  return { entry: { inode: used.inode(bytes, at), name, kind }, size };
}

/** What the number of a kind means. @throws the error that `bad` makes */
export function kindOf(number: number, bad: (problem: string) => Error): NodeKind | undefined {
  if (number >= kinds.length) throw bad(`is of the unknown kind ${number}`);
  return kinds[number];
}

/** Whether this can be the name of an entry; "." and ".." can. */
export function isName(name: Buffer): boolean {
  return name.length > 0 && name.length <= 255 && !name.includes(0) && !name.includes(0x2f);
}

/** Whether `name` is what a directory says for itself or its parent. */
export function isDots(name: Buffer): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}

function roundUp(size: number): number {
  return Math.ceil(size / alignment) * alignment;
}
