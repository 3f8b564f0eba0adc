/**
 * Directory entries as stored: a bitmap of slots in use, then the entries, then their names in pieces of eight bytes.
 * Layout: struct f2fs_dentry_block, struct f2fs_dir_entry;
 * https://docs.kernel.org/filesystems/f2fs.html ("Directory Structure").
 */
import type { PortableError } from '../../base/errors.ts';
import type { NodeKind } from '../tree.ts';
import type { Volume } from './volume.ts';

const entrySize = 11;
const field = { hash: 0, inode: 4, nameLength: 8, kind: 10 } as const;

/** Bytes of a name that one slot has. */
const slotSize = 8;

/** Bytes of a name, NAME_MAX of linux/limits.h. */
export const maxNameLength = 255;

/** The codes of the field `kind`. */
const kinds: ReadonlyMap<number, NodeKind> = new Map<number, NodeKind>([
  [1, 'file'],
  [2, 'directory'],
  [3, 'character'],
  [4, 'block'],
  [5, 'fifo'],
  [6, 'socket'],
  [7, 'symlink'],
]);

/** An entry that is in use; "." and ".." are left out. */
export interface StoredEntry {
  readonly hash: number;
  readonly inode: number;
  /** Part of the block: copy it before handing it out. */
  readonly name: Buffer;
  /** undefined: the inode knows. */
  readonly kind: NodeKind | undefined;
}

/**
 * The entries in `area`, a block or what an inode has room for, in the order stored.
 * @param where what error messages call it
 * @throws PortableError InvalidArgs when an entry is impossible
 */
export function* storedEntries(volume: Volume, area: Buffer, where: string): Generator<StoredEntry> {
  // each slot takes a bit besides; what is left over is between the bits and the entries
  const slots = Math.floor((area.length * 8) / ((entrySize + slotSize) * 8 + 1));
  const namesAt = area.length - slots * slotSize;
  const entriesAt = namesAt - slots * entrySize;
  for (let slot = 0; slot < slots;) {
    if (((area[slot >>> 3] ?? 0) & (1 << (slot & 7))) === 0) {
      slot++;
      continue;
    }
    const entry = entriesAt + slot * entrySize;
    const bad = (what: string): PortableError =>
      volume.corrupt(`${where}: the entry in slot ${slot} ${what}`);
    const length = area.readUInt16LE(entry + field.nameLength);
    const taken = Math.ceil(length / slotSize);
    if (length === 0 || length > maxNameLength || slot + taken > slots) {
      throw bad(`has a name of ${length} bytes`);
    }
    const start = namesAt + slot * slotSize;
    const name = area.subarray(start, start + length);
    slot += taken;
    if (isDots(name)) continue;
    if (!isName(name)) throw bad('has an impossible name');
    yield {
      hash: area.readUInt32LE(entry + field.hash),
      inode: area.readUInt32LE(entry + field.inode),
      name,
      kind: kinds.get(area.readUInt8(entry + field.kind)),
    };
  }
}

/** Whether a directory may have this name for something else than itself and its parent. */
export function isName(name: Buffer): boolean {
  return (
    name.length > 0 &&
    name.length <= maxNameLength &&
    !name.includes(0) &&
    !name.includes(0x2f) &&
    !isDots(name)
  );
}

function isDots(name: Buffer): boolean {
  return name.length <= 2 && name.length > 0 && name.every((byte) => byte === 0x2e);
}
