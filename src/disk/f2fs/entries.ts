/**
 * Directory entries as stored: a bitmap of slots in use, then the entries, then their names in pieces of eight bytes.
 * Layout: struct f2fs_dentry_block, struct f2fs_dir_entry;
 * https://docs.kernel.org/filesystems/f2fs.html ("Directory Structure").
 */
import type { PortableError } from '../../base/errors.ts';
import { entryKinds } from '../node-kind.ts';
import type { NodeKind } from '../tree.ts';
import type { Volume } from './volume.ts';

const entrySize = 11;
const field = { hash: 0, inode: 4, nameLength: 8, kind: 10 } as const;

/** Bytes of a name that one slot has. */
const slotSize = 8;

/** Bytes of a name, NAME_MAX of linux/limits.h. */
export const maxNameLength = 255;

/** An entry that is in use; "." and ".." are left out. */
export interface StoredEntry {
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
  const shape = shapeOf(area);
  for (let slot = nextSlot(area, shape, 0); slot < shape.slots;) {
    const name = nameAt({ volume, area, shape, where }, slot);
    const entry = shape.entriesAt + slot * entrySize;
    slot = nextSlot(area, shape, slot + Math.ceil(name.length / slotSize));
    if (isDots(name)) continue;
    const kind = entryKinds[area.readUInt8(entry + field.kind)];
    yield { inode: area.readUInt32LE(entry + field.inode), name, kind };
  }
}

/**
 * The inode number that `area` has for `name`, or undefined. Looks at the names of that hash only.
 * @param hash undefined: at all names
 * @throws PortableError InvalidArgs when an entry before it is impossible
 */
export function findEntry(
  volume: Volume,
  area: Buffer,
  wanted: { readonly name: Buffer; readonly hash: number | undefined },
  where: string,
): number | undefined {
  const shape = shapeOf(area);
  for (let slot = nextSlot(area, shape, 0); slot < shape.slots;) {
    const entry = shape.entriesAt + slot * entrySize;
    if (wanted.hash === undefined || wanted.hash === area.readUInt32LE(entry + field.hash)) {
      if (nameAt({ volume, area, shape, where }, slot).equals(wanted.name)) {
        return area.readUInt32LE(entry + field.inode);
      }
    }
    const taken = Math.ceil(area.readUInt16LE(entry + field.nameLength) / slotSize);
    slot = nextSlot(area, shape, slot + Math.max(1, taken));
  }
  return undefined;
}

/** Where the parts of an area are, bytes from its start. */
interface Shape {
  readonly slots: number;
  readonly entriesAt: number;
  readonly namesAt: number;
}

function shapeOf(area: Buffer): Shape {
  // each slot takes a bit besides; what is left over is between the bits and the entries
  const slots = Math.floor((area.length * 8) / ((entrySize + slotSize) * 8 + 1));
  const namesAt = area.length - slots * slotSize;
  return { slots, entriesAt: namesAt - slots * entrySize, namesAt };
}

/** The first slot in use from one on; past the last there is none. */
function nextSlot(area: Buffer, { slots }: Shape, from: number): number {
  let slot = from;
  while (slot < slots && ((area[slot >>> 3] ?? 0) & (1 << (slot & 7))) === 0) slot++;
  return slot;
}

interface Area {
  readonly volume: Volume;
  readonly area: Buffer;
  readonly shape: Shape;
  readonly where: string;
}

/** The name that starts in a slot, checked. */
function nameAt(of: Area, slot: number): Buffer {
  const { area, shape } = of;
  const length = area.readUInt16LE(shape.entriesAt + slot * entrySize + field.nameLength);
  if (length === 0 || length > maxNameLength || slot + Math.ceil(length / slotSize) > shape.slots) {
    throw badEntry(of, slot, `has a name of ${length} bytes`);
  }
  const start = shape.namesAt + slot * slotSize;
  const name = area.subarray(start, start + length);
  if (!isName(name) && !isDots(name)) throw badEntry(of, slot, 'has an impossible name');
  return name;
}

function badEntry({ volume, where }: Area, slot: number, what: string): PortableError {
  return volume.corrupt(`${where}: the entry in slot ${slot} ${what}`);
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
