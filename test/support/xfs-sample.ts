/**
 * A small tree in which xfs stores everything in each of the ways it has. Only the kernel can write it (xattrs, trees of
 * extents), so images of it are kept as fixtures: write-xfs-fixtures.ts.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Random } from './random.ts';

/** Path → content; symlinks as { link }. What else there is, the tests say themselves. */
export type XfsSampleFiles = ReadonlyMap<string, Buffer | { readonly link: string }>;

/**
 * By the ways in which directories are stored: in the inode, in a block, with a leaf, with an index of leaves. The last is
 * in the image with the smallest blocks only, as it takes most of the time of fuzzing.
 */
const sampleDirectories: Readonly<Record<string, { readonly count: number; readonly nameLength: number }>> = {
  short: { count: 4, nameLength: 5 },
  block: { count: 20, nameLength: 20 },
  leaf: { count: 50, nameLength: 80 },
  node: { count: 520, nameLength: 4 },
};
const smallestBlocks = 1024;

/** Every other block of this file is a hole: so many extents need a tree. */
const stripeCount = 70;

export function xfsSampleFiles(blockSize: number): XfsSampleFiles {
  const random = new Random(7);
  const stripes = Buffer.alloc((2 * stripeCount - 1) * blockSize);
  for (let i = 0; i < stripeCount; i++) stripes.write(`stripe ${i}`, 2 * i * blockSize);
  const files = new Map<string, Buffer | { readonly link: string }>([
    ['usr/lib/os-release', Buffer.from('ID=sample\nVERSION_ID=1\nPORTABLE_PREFIXES=sample\n')],
    ['etc/os-release', { link: '../usr/lib/os-release' }],
    ['empty', Buffer.alloc(0)],
    ['tiny', Buffer.from('x')],
    ['blocks', random.text(2 * blockSize + 5)],
    ['stripes', stripes],
    ['short-link', { link: 's'.repeat(60) }],
    ['long-link', { link: 'l'.repeat(1000) }],
    ...['short', 'leaf', 'node', 'acl'].map((name) => [`xattrs/${name}`, Buffer.from(name)] as const),
  ]);
  for (const [name, { count, nameLength }] of Object.entries(sampleDirectories)) {
    if (name === 'node' && blockSize > smallestBlocks) continue;
    for (let i = 0; i < count; i++) files.set(`${name}/${entryName(i, nameLength)}`, linked(i));
  }
  return files;
}

/** Entries of directories are names of a few files, so that inodes take less room than names. */
const linkedFiles = 10;

function linked(i: number): Buffer {
  return Buffer.from(`file ${i % linkedFiles}`);
}

/** Names of about this length, every seventh not ASCII. */
function entryName(i: number, length: number): string {
  return `${i}${i % 7 === 0 ? 'é' : ''}`.padEnd(length - (i % 4), 'x');
}

/** The attributes of a file of the sample, by how they are stored. */
export function xfsSampleXattrs(file: 'short' | 'leaf' | 'node'): ReadonlyMap<string, Buffer> {
  const random = new Random(9);
  const counts = { short: 3, leaf: 15, node: 60 };
  const names = ['user', 'trusted', 'security'];
  const values = new Map<string, Buffer>(
    Array.from(
      { length: counts[file] },
      (_, i) => [`${names[i % 3]!}.${file}-${i}`, random.text(10 + i)] as const,
    ),
  );
  // in blocks of their own
  if (file === 'node')
    for (const size of [1, 3000, 5000]) values.set(`user.large-${size}`, random.text(size));
  return values;
}

/** Makes the sample in a mounted file system with blocks of this size; as root. */
export function fillXfsSample(directory: string, blockSize: number): void {
  mkdirSync(join(directory, 'linked'));
  for (let i = 0; i < linkedFiles; i++)
    writeFileSync(join(directory, 'linked', linked(i).toString()), linked(i));
  for (const [path, file] of xfsSampleFiles(blockSize)) {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    const parent = path.split('/')[0] ?? '';
    if (parent in sampleDirectories && Buffer.isBuffer(file)) {
      linkSync(join(directory, 'linked', file.toString()), target);
    } else if (path === 'stripes' && Buffer.isBuffer(file)) writeStripes(target, file, blockSize);
    else if (Buffer.isBuffer(file)) writeFileSync(target, file);
    else symlinkSync(file.link, target);
  }
  for (const file of ['short', 'leaf', 'node'] as const) {
    for (const [name, value] of xfsSampleXattrs(file)) {
      const hex = `0x${value.toString('hex')}`;
      execFileSync('setfattr', ['-n', name, '-v', hex, join(directory, 'xattrs', file)]);
    }
  }
  execFileSync('setfacl', ['-m', 'u:1000:r', join(directory, 'xattrs/acl')]);
  execFileSync('mknod', [join(directory, 'null'), 'c', '1', '3']);
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  // reserved, and written in the middle only
  execFileSync('xfs_io', [
    '-f',
    '-c',
    'falloc 0 64k',
    '-c',
    'pwrite -q 20000 100',
    join(directory, 'reserved'),
  ]);
  for (const path of ['tiny', 'empty']) utimesSync(join(directory, path), 1_700_000_000, 1_700_000_000);
}

function writeStripes(target: string, content: Buffer, blockSize: number): void {
  const file = openSync(target, 'w');
  for (let at = 0; at < content.length; at += 2 * blockSize) writeSync(file, content, at, blockSize, at);
  closeSync(file);
}

/** The fixtures, and the size of their blocks. */
export const xfsFixtures = { 'blocks-1024': 1024, 'blocks-4096': 4096, old: 2048, parent: 2048 } as const;

export type XfsFixture = keyof typeof xfsFixtures;

/** The bytes of an image in test/fixtures/xfs. */
export function xfsFixture(name: XfsFixture): Buffer {
  return gunzipSync(readFileSync(new URL(`../fixtures/xfs/${name}.img.gz`, import.meta.url)));
}
