/**
 * Attributes that fit into their inode: "XFS Algorithms & Data Structures", chapter "Extended Attributes", section "Short
 * Form Attributes".
 */
import { u16, u8 } from './fields.ts';
import type { Fork, Inode } from './inode.ts';
import type { Volume } from './volume.ts';
import { type XattrEntry, checkFlags, isXattrName, xattrFlags } from './xattr-entry.ts';

const header = { size: 4, bytes: u16(0), count: u8(2) } as const;
const entryLayout = { size: 3, nameLength: u8(0), valueLength: u8(1), flags: u8(2) } as const;

/**
 * @param fork the attributes of `inode`, local
 * @throws PortableError InvalidArgs when an entry is impossible, NotSupported
 */
export function* shortXattrs(volume: Volume, inode: Inode, fork: Fork): Generator<XattrEntry> {
  const what = `the attributes in inode ${inode.number}`;
  const { bytes } = fork;
  const size = bytes.length < header.size ? 0 : header.bytes(bytes);
  if (size < header.size || size > bytes.length) {
    throw volume.corrupt(`${what} have ${size} bytes, of ${bytes.length}`);
  }
  let at: number = header.size;
  for (let entry = 0; entry < header.count(bytes); entry++) {
    const where = `entry ${entry} (byte ${at}) of ${what}`;
    const nameAt = at + entryLayout.size;
    if (nameAt > size) throw volume.corrupt(`${where} is cut off`);
    const valueAt = nameAt + entryLayout.nameLength(bytes, at);
    const end = valueAt + entryLayout.valueLength(bytes, at);
    if (end > size) throw volume.corrupt(`${where} is cut off`);
    const flags = entryLayout.flags(bytes, at);
    checkFlags(volume, flags, where);
    const name = bytes.subarray(nameAt, valueAt);
    if ((flags & xattrFlags.parent) === 0 && !isXattrName(name)) {
      throw volume.corrupt(`${where} has an impossible name`);
    }
    yield { flags, name, value: Buffer.from(bytes.subarray(valueAt, end)) };
    at = end;
  }
}
