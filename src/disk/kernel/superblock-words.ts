/**
 * What the superblocks of file systems that only the kernel reads say of versions and features, for error messages:
 * which of them it knows differs from kernel to kernel. Offsets: btrfs documentation, "On-disk Format"; "XFS Algorithms &
 * Data Structures", "Superblocks"; kernel Documentation/filesystems/f2fs.rst with linux/f2fs_fs.h.
 */

interface Field {
  readonly name: string;
  /** Bytes from the start of the superblock, and of the field. */
  readonly at: number;
  readonly length: 2 | 4 | 8;
}

interface Layout {
  /** Bytes from the start of the file system. */
  readonly offset: bigint;
  readonly bigEndian: boolean;
  readonly fields: readonly Field[];
}

const layouts: Readonly<Record<string, Layout>> = {
  btrfs: {
    offset: 0x1_0000n,
    bigEndian: false,
    fields: [
      { name: 'compat_ro_flags', at: 0xb4, length: 8 },
      { name: 'incompat_flags', at: 0xbc, length: 8 },
      { name: 'csum_type', at: 0xc4, length: 2 },
    ],
  },
  xfs: {
    offset: 0n,
    bigEndian: true,
    fields: [
      { name: 'versionnum', at: 0x64, length: 2 },
      { name: 'features_ro_compat', at: 0xd4, length: 4 },
      { name: 'features_incompat', at: 0xd8, length: 4 },
    ],
  },
  f2fs: {
    offset: 1024n,
    bigEndian: false,
    fields: [
      { name: 'major_ver', at: 4, length: 2 },
      { name: 'minor_ver', at: 6, length: 2 },
      { name: 'feature', at: 2180, length: 4 },
    ],
  },
};

/**
 * @param read gives bytes of the file system, zeros behind its end
 * @returns "its superblock says NAME 0x…, …"; undefined for a file system that has no such fields
 */
export function superblockWords(
  type: string,
  read: (at: bigint, length: number) => Buffer,
): string | undefined {
  const layout = layouts[type];
  if (layout === undefined) return undefined;
  const words = layout.fields.map(({ name, at, length }) => {
    const bytes = read(layout.offset + BigInt(at), length);
    return `${name} 0x${(layout.bigEndian ? bytes : bytes.reverse()).toString('hex')}`;
  });
  return `its superblock says ${words.join(', ')}`;
}
