/**
 * POSIX access control lists: on disk in a form of their own, "XFS Algorithms & Data Structures", chapter "Extended
 * Attributes" (struct xfs_acl), from which getxattr(2) makes the form of linux/posix_acl_xattr.h.
 */
import { u16, u32 } from './fields.ts';

const stored = { header: 4, entry: 12, count: u32(0), tag: u32(0), id: u32(4), permissions: u16(8) } as const;

const shownVersion = 2;
const shownHeader = 4;
const shownEntry = 8;
const noId = 0xffff_ffff;

/** The tags, and which of them name somebody: acl(5). */
const namedTags: ReadonlySet<number> = new Set([0x02, 0x08]);
const plainTags: ReadonlySet<number> = new Set([0x01, 0x04, 0x10, 0x20]);

/** The list as getxattr(2) gives it. */
export function aclValue(value: Buffer): Buffer | 'corrupt' {
  if (value.length < stored.header) return 'corrupt';
  const count = stored.count(value);
  if (value.length !== stored.header + count * stored.entry) return 'corrupt';
  const shown = Buffer.alloc(shownHeader + count * shownEntry);
  shown.writeUInt32LE(shownVersion, 0);
  for (let entry = 0; entry < count; entry++) {
    const from = stored.header + entry * stored.entry;
    const to = shownHeader + entry * shownEntry;
    const tag = stored.tag(value, from);
    const isNamed = namedTags.has(tag);
    if (!isNamed && !plainTags.has(tag)) return 'corrupt';
    shown.writeUInt16LE(tag, to);
    shown.writeUInt16LE(stored.permissions(value, from), to + 2);
    shown.writeUInt32LE(isNamed ? stored.id(value, from) : noId, to + 4);
  }
  return shown;
}
