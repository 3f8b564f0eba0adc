/**
 * Which of ext2, ext3 and ext4 a superblock is, told by its features as blkid does:
 * https://docs.kernel.org/filesystems/ext4/globals.html#super-block
 */

const superblock = 1024;

/** Byte offsets in the superblock. */
const fields = { logBlockSize: 24, compat: 92, incompat: 96, readOnlyCompat: 100, end: 104 };

const hasJournal = 0x4;
const journalDevice = 0x8;
/** Features that ext3 knows too: file types, recovery, meta block groups; sparse superblocks, large files, trees. */
const ext3Incompat = 0x2 | 0x4 | 0x10;
const ext3ReadOnlyCompat = 0x1 | 0x2 | 0x4;

/** "ext2", "ext3" or "ext4"; undefined when the superblock cannot be one, or is that of an external journal. */
export function extType(bytes: Buffer): string | undefined {
  if (bytes.length < superblock + fields.end || isExtJournal(bytes)) return undefined;
  const field = (offset: number): number => bytes.readUInt32LE(superblock + offset);
  if (field(fields.logBlockSize) > 6) return undefined;
  const incompat = field(fields.incompat);
  const beyondExt3 = (incompat & ~ext3Incompat) | (field(fields.readOnlyCompat) & ~ext3ReadOnlyCompat);
  if (beyondExt3 !== 0) return 'ext4';
  return (field(fields.compat) & hasJournal) !== 0 ? 'ext3' : 'ext2';
}

/** Whether the superblock is that of a journal on a medium of its own. */
export function isExtJournal(bytes: Buffer): boolean {
  if (bytes.length < superblock + fields.end) return false;
  return (bytes.readUInt32LE(superblock + fields.incompat) & journalDevice) !== 0;
}
