/**
 * POSIX access control lists of ext4 and f2fs: on disk a shorter form than the one that getxattr(2) gives (acl(5); the
 * latter is struct posix_acl_xattr_header and _entry of linux/posix_acl_xattr.h). On disk: version 1, and an id only
 * where a user or group is named. https://docs.kernel.org/filesystems/ext4/attributes.html ("POSIX ACLs")
 */
const storedVersion = 1;
const shownVersion = 2;
const versionSize = 4;

/** Bytes of an entry: tag and permissions, 16 bits each; and an id of 32 bits. */
const shortEntry = 4;
const longEntry = 8;
const noId = 0xffff_ffff;

/** The tags, and which of them name somebody. */
const namedTags: ReadonlySet<number> = new Set([0x02, 0x08]);
const plainTags: ReadonlySet<number> = new Set([0x01, 0x04, 0x10, 0x20]);

/** The list as getxattr(2) gives it; undefined when it is empty, which is as good as none. */
export function aclValue(stored: Buffer): Buffer | undefined | 'corrupt' {
  if (stored.length < versionSize || stored.readUInt32LE(0) !== storedVersion) return 'corrupt';
  const header = Buffer.alloc(versionSize);
  header.writeUInt32LE(shownVersion);
  const parts = [header];
  for (let at = versionSize; at < stored.length;) {
    if (at + shortEntry > stored.length) return 'corrupt';
    const tag = stored.readUInt16LE(at);
    const isNamed = namedTags.has(tag);
    const size = isNamed ? longEntry : shortEntry;
    if ((!isNamed && !plainTags.has(tag)) || at + size > stored.length) return 'corrupt';
    const entry = Buffer.alloc(longEntry);
    stored.copy(entry, 0, at, at + shortEntry);
    entry.writeUInt32LE(isNamed ? stored.readUInt32LE(at + shortEntry) : noId, shortEntry);
    parts.push(entry);
    at += size;
  }
  return parts.length === 1 ? undefined : Buffer.concat(parts);
}
