/**
 * A small ext file system with one of everything, made by debugfs(8) alone: no root, and the same bytes each time.
 * Its tree is described by sampleFiles, so that a test can tell what a reader must find.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExtImageOptions, debugfs, fsck, makeExt } from './ext-image.ts';
import { Random } from './random.ts';

/** Path → content; symlinks as { link }. What else there is, the tests say themselves. */
export type SampleFiles = ReadonlyMap<string, Buffer | { readonly link: string }>;

export interface SampleOptions extends ExtImageOptions {
  /** Entries of the directory /many; default 60. */
  readonly many?: number;
  /** Build hash indices for directories of more than one block. */
  readonly indexed?: boolean;
}

export const sampleOsRelease = 'ID=sample\nVERSION_ID=1\nPORTABLE_PREFIXES=sample\n';

/** The files of the sample, for a block size: the content has holes and runs in terms of it. */
export function sampleFiles(blockSize: number, many = 60): SampleFiles {
  const random = new Random(7);
  const files = new Map<string, Buffer | { readonly link: string }>([
    ['usr/lib/os-release', Buffer.from(sampleOsRelease)],
    ['etc/os-release', { link: '../usr/lib/os-release' }],
    ['tiny', Buffer.from('x')],
    ['hundred', random.text(100)],
    ['two-blocks', random.text(2 * blockSize)],
    ['stripes', stripes(random, blockSize, 14)],
    ['fast-link', { link: 'f'.repeat(59) }],
    ['slow-link', { link: 's'.repeat(200) }],
    ['with-xattrs', Buffer.from('attributes')],
  ]);
  for (let i = 0; i < many; i++) files.set(`many/${manyName(i)}`, Buffer.from(i % 10 === 0 ? `${i}\n` : ''));
  return files;
}

/** Names of /many: of different lengths, every seventh not ASCII. */
export function manyName(i: number): string {
  return `entry-${i}${'é'.repeat(i % 7 === 0 ? 3 : 0)}${'x'.repeat(i % 150)}`;
}

/** Makes the file `image`. */
export async function makeSample(image: string, options: SampleOptions): Promise<void> {
  const blockSize = options.blockSize ?? 4096;
  await makeExt(image, options);
  const contents = `${image}.contents`;
  await mkdir(contents);
  const commands = ['mkdir usr', 'mkdir usr/lib', 'mkdir etc', 'mkdir many', 'mkdir empty'];
  for (const [index, [path, file]] of [...sampleFiles(blockSize, options.many)].entries()) {
    if (Buffer.isBuffer(file)) {
      const source = join(contents, String(index));
      await writeFile(source, file);
      commands.push(`write ${source} ${path}`);
    } else {
      commands.push(`symlink ${path} ${file.link}`);
    }
  }
  const value = join(contents, 'value');
  await writeFile(value, sampleLargeValue(options));
  const acl = join(contents, 'acl');
  await writeFile(acl, sampleAcl);
  await debugfs(image, [
    ...commands,
    'mknod fifo p',
    'mknod null c 1 3',
    'mknod loop b 7 300',
    'ea_set with-xattrs user.small tiny',
    `ea_set -f ${value} with-xattrs user.large`,
    'ea_set with-xattrs security.test label',
    'ea_set with-xattrs trusted.test hidden',
    `ea_set -f ${acl} with-xattrs system.posix_acl_access`,
    'ln two-blocks hard-link',
    'set_inode_field two-blocks links_count 2',
  ]);
  if (options.indexed === true) await fsck(image, '-D');
  await rm(contents, { recursive: true });
  await rm(`${image}.debugfs`);
}

/** The value of user.large on with-xattrs: in a block, or where the file system can do that, in an inode of its own. */
export function sampleLargeValue(options: SampleOptions): Buffer {
  const isApart = options.features?.split(',').includes('ea_inode') ?? false;
  // debugfs sets no more than a block, which is too much for the attribute block
  return Buffer.alloc(isApart ? (options.blockSize ?? 4096) : 300, 'large value ');
}

/** A list as getxattr(2) gives it: u::rw-, user 1000: r--, g::r--, m::r--, o::---. */
export const sampleAcl = Buffer.from(
  '02000000' +
    '01000600ffffffff' +
    '02000400e8030000' +
    '04000400ffffffff' +
    '10000400ffffffff' +
    '20000000ffffffff',
  'hex',
);

/** Every other block a hole (but not the last), so that each of the rest is an extent of its own. */
function stripes(random: Random, blockSize: number, count: number): Buffer {
  const bytes = Buffer.alloc((2 * count - 1) * blockSize);
  for (let i = 0; i < count; i++) random.text(blockSize).copy(bytes, 2 * i * blockSize);
  return bytes;
}
