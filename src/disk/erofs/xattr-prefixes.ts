/**
 * Names of extended attributes are stored without their first part, which a number stands for:
 * https://erofs.docs.kernel.org/en/latest/ondisk/xattrs.html
 */
import { corrupt } from './errors.ts';
import type { Volume } from './volume.ts';

/** The built-in prefixes. The names of the ACLs are complete. */
const builtin: Readonly<Record<number, string>> = {
  1: 'user.',
  2: 'system.posix_acl_access',
  3: 'system.posix_acl_default',
  4: 'trusted.',
  6: 'security.',
};

/** Marks the number of a long prefix, from the image's own table. */
const isLong = 0x80;

/** Number in an xattr entry → prefix; undefined for numbers that mean nothing, whose xattrs nobody sees. */
export type XattrPrefixes = (index: number) => string | undefined;

/** Reads the table of long prefixes, if the image has one. */
export async function readXattrPrefixes(volume: Volume): Promise<XattrPrefixes> {
  const { count, start } = volume.superblock.xattrPrefixes;
  const long: (string | undefined)[] = [];
  if (count > 0) {
    const read = await tableReader(volume);
    for (let i = 0, at = start; i < count; i++) {
      const size = (await read(at, 2)).readUInt16LE(0);
      if (size === 0) throw corrupt(volume.source.name, `the xattr name prefix at offset ${at} is empty`);
      const entry = await read(at + 2n, size);
      const base = builtin[entry.readUInt8(0)];
      long.push(base === undefined ? undefined : base + entry.toString('latin1', 1));
      // the next one is at a multiple of 4
      at += (2n + BigInt(size) + 3n) & ~3n;
    }
  }
  return (index) => ((index & isLong) === 0 ? builtin[index] : long[index & ~isLong]);
}

/** The table is in the image itself, the metabox or the packed inode. */
async function tableReader(volume: Volume): Promise<(offset: bigint, length: number) => Promise<Buffer>> {
  const { superblock, metabox, packed, image } = volume;
  if (superblock.xattrPrefixes.plain) return (offset, length) => image.read(offset, length);
  if (metabox !== undefined) return (offset, length) => metabox.read(offset, length);
  if (packed === undefined) return (offset, length) => image.read(offset, length);
  const content = await packed();
  return async (offset, length) => {
    const bytes = await content.read(offset, length);
    if (bytes.length === length) return bytes;
    throw corrupt(volume.source.name, `the xattr name prefixes at ${offset} are outside the packed inode`);
  };
}
