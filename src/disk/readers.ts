/** The readers of file systems, by blkid's name; each is loaded when the first image needs it. */
import { PortableError, quoted } from '../base/errors.ts';
import type { Budget } from './budget.ts';
import type { Superblock } from './probe.ts';
import type { BlockSource } from './source.ts';
import type { FileTree } from './tree.ts';

type OpenTree = (source: BlockSource, budget: Budget) => Promise<FileTree>;

const openExt = async (): Promise<OpenTree> => (await import('./ext4/index.ts')).openExt;

/**
 * What the service manager mounts of its own accord (systemd-dissect(1)), and ext2 and ext3. Each reader's tree leaves the
 * source to the caller.
 */
const readers: Readonly<Record<string, () => Promise<OpenTree>>> = {
  squashfs: async () => (await import('./squashfs/index.ts')).openSquashfs,
  erofs: async () => (await import('./erofs/index.ts')).openErofs,
  btrfs: async () => (await import('./btrfs/index.ts')).openBtrfs,
  ext2: openExt,
  ext3: openExt,
  ext4: openExt,
  xfs: async () => (await import('./xfs/index.ts')).openXfs,
  f2fs: async () => (await import('./f2fs/index.ts')).openF2fs,
  vfat: async () => (await import('./fat/index.ts')).openFat,
};

/** File systems that cannot be written to, so that no image of one is ever mounted writable. */
const readOnlyFileSystems = ['squashfs', 'squashfs3', 'erofs', 'cramfs', 'romfs', 'iso9660'];

/** Whether the file system is read-only by design. */
export function isReadOnlyFileSystem(type: string | undefined): boolean {
  return type !== undefined && readOnlyFileSystems.includes(type);
}

/**
 * Opens the file system in `source`.
 *
 * @throws PortableError NotSupported naming an encrypted container or a file system without a reader, InvalidArgs
 *   when there is no file system; and what the reader throws
 */
export async function openFileSystem(
  source: BlockSource,
  superblock: Superblock | undefined,
  budget: Budget,
): Promise<FileTree> {
  if (superblock === undefined || superblock.usage === 'other') throw noFileSystem(source, superblock);
  const { type } = superblock;
  const reader = readers[type];
  if (reader === undefined) throw unreadable(source, superblock);
  return (await reader())(source, budget);
}

/** @throws PortableError NotSupported when the superblock is that of an encrypted container */
export async function refuseEncrypted(
  source: BlockSource,
  superblock: Superblock | undefined,
): Promise<void> {
  if (superblock?.type !== 'crypto_LUKS' && superblock?.type !== 'BitLocker') return;
  const what = superblock.type === 'crypto_LUKS' ? await luksVersion(source) : superblock.type;
  throw new PortableError(
    'NotSupported',
    `${quoted(source.name)} is encrypted (${what}), and there is no key`,
    {
      file: source.name,
      hint: 'portable services run from images that are not encrypted',
    },
  );
}

/** "LUKS2"; the version follows the magic number of six bytes: cryptsetup, "LUKS2 On-Disk Format", section 2.1. */
async function luksVersion(source: BlockSource): Promise<string> {
  return `LUKS${(await source.read(6n, 2)).readUInt16BE(0)}`;
}

function noFileSystem(source: BlockSource, superblock: Superblock | undefined): PortableError {
  const what = superblock === undefined ? 'holds no file system that is known' : `holds ${superblock.type}`;
  return new PortableError('InvalidArgs', `${quoted(source.name)} ${what}`, { file: source.name });
}

function unreadable(source: BlockSource, { type, usage }: Superblock): PortableError {
  if (usage === 'crypto') {
    return new PortableError('InvalidArgs', `${quoted(source.name)} holds ${type}, not a file system`, {
      file: source.name,
    });
  }
  return new PortableError('NotSupported', `${quoted(source.name)} holds ${type}, which cannot be read`, {
    file: source.name,
    hint: `file systems that can be read: ${Object.keys(readers).join(', ')}`,
  });
}
