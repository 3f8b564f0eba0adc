/**
 * Directories that fit into their inode: "XFS Algorithms & Data Structures", chapter "Directories", section "Short Form
 * Directories". "." and ".." have no entries.
 */
import { type StoredEntry, isDots, isName, kindOf } from './directory-entries.ts';
import { u8 } from './fields.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';

const header = { count: u8(0), wideCount: u8(1), parentAt: 2 } as const;
const entryLayout = { nameLength: u8(0), nameAt: 3 } as const;

/** Bytes of an inode's number: the long form when any of the directory needs it. */
const shortNumber = 4;
const longNumber = 8;

/**
 * @param inode a directory with local data
 * @throws PortableError InvalidArgs when an entry or a name is impossible
 */
export function* shortEntries(volume: Volume, inode: Inode): Generator<StoredEntry> {
  const what = `the directory in inode ${inode.number}`;
  const room = inode.data.bytes.length;
  if (inode.size > BigInt(room) || inode.size < BigInt(header.parentAt + shortNumber)) {
    throw volume.corrupt(`${what} has ${inode.size} bytes, of ${room}`);
  }
  const bytes = inode.data.bytes.subarray(0, Number(inode.size));
  const isWide = header.wideCount(bytes) > 0;
  const numberSize = isWide ? longNumber : shortNumber;
  const kindSize = volume.superblock.features.has('ftype') ? 1 : 0;
  let at = header.parentAt + numberSize;
  for (let entry = 0; entry < header.count(bytes); entry++) {
    const bad = (problem: string) => volume.corrupt(`${what}: entry ${entry} (byte ${at}) ${problem}`);
    if (at + entryLayout.nameAt > bytes.length) throw bad('is cut off');
    const nameEnd = at + entryLayout.nameAt + entryLayout.nameLength(bytes, at);
    const end = nameEnd + kindSize + numberSize;
    if (end > bytes.length) throw bad('is cut off');
    const name = bytes.subarray(at + entryLayout.nameAt, nameEnd);
    if (!isName(name) || isDots(name)) throw bad('has an impossible name');
    const kind = kindSize === 0 ? undefined : kindOf(bytes.readUInt8(nameEnd), bad);
    const numberAt = nameEnd + kindSize;
    const number = isWide ? bytes.readBigUInt64BE(numberAt) : BigInt(bytes.readUInt32BE(numberAt));
    yield { inode: number, name, kind };
    at = end;
  }
}
