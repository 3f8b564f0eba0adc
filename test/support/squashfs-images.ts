/** squashfs images for tests, made with mksquashfs. */
import { execFile } from 'node:child_process';
import { link, mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BaseImage } from '../fuzz/mutate.ts';
import { Random } from './random.ts';

const run = promisify(execFile);

/** Nothing is compressed: every structure is in the open. */
export const uncompressed: readonly string[] = ['-noI', '-noD', '-noF', '-noX'];

/** Makes an image of a directory; the same input gives the same bytes. Needs mksquashfs (package squashfs-tools). */
export async function makeSquashfs(
  source: string,
  image: string,
  options: readonly string[] = [],
): Promise<void> {
  await run('mksquashfs', [
    source,
    image,
    '-noappend',
    '-no-progress',
    '-quiet',
    '-mkfs-time',
    '0',
    ...options,
  ]);
}

/** Pseudo-file definitions of the inodes that only root could make: mksquashfs -p. */
export const pseudoNodes: readonly string[] = [
  'null c 666 0 0 1 3',
  'large c 600 0 5 4095 1048575',
  'loop b 660 0 6 7 0',
].flatMap((definition) => ['-p', definition]);

/** A small directory with every kind of inode that an ordinary user can make, some with xattrs. */
export async function makeSmallTree(root: string): Promise<void> {
  const random = new Random(7);
  await mkdir(join(root, 'etc'));
  await mkdir(join(root, 'usr/lib/systemd/system'), { recursive: true });
  await writeFile(join(root, 'usr/lib/os-release'), 'ID=small\nVERSION_ID=1\n');
  await symlink('../usr/lib/os-release', join(root, 'etc/os-release'));
  for (let i = 0; i < 4; i++) {
    await writeFile(
      join(root, `usr/lib/systemd/system/small-${i}.service`),
      `[Service]\nExecStart=/bin/${i}\n`,
    );
  }
  await writeFile(join(root, 'empty'), '');
  await writeFile(join(root, 'blocks'), random.text(3 * 4096 + 100));
  await writeFile(join(root, 'random'), random.bytes(4096 + 5));
  await writeFile(join(root, 'exact'), random.text(4096));
  const sparse = await open(join(root, 'sparse'), 'w');
  await sparse.truncate(40_000);
  await sparse.write(random.text(100), 0, 100, 20_000);
  await sparse.close();
  await link(join(root, 'blocks'), join(root, 'hard-link'));
  await symlink('t'.repeat(300), join(root, 'long-target'));
  await run('mkfifo', [join(root, 'fifo')]);
  // long names: the listing takes more than a metadata block, and gets an index
  await mkdir(join(root, 'wide'));
  for (let i = 0; i < 60; i++)
    await writeFile(join(root, `wide/${String(i).padStart(3, '0')}${'n'.repeat(170)}`), '');
  await run('setfattr', ['-n', 'user.one', '-v', 'small', join(root, 'blocks')]);
  // the same value on two files with different sets: the second refers to it
  for (const file of ['random', 'empty']) {
    await run('setfattr', ['-n', 'user.shared', '-v', 'v'.repeat(100), join(root, file)]);
  }
  await run('setfattr', ['-n', 'user.two', '-v', '2', join(root, 'random')]);
  await run('setfattr', ['-n', 'user.directory', '-v', 'd', join(root, 'etc')]);
}

/** Images of the small tree for the fuzzer: mostly uncompressed, where mutations reach the structures. */
export async function smallImages(): Promise<readonly BaseImage[]> {
  const directory = await mkdtemp(join(tmpdir(), 'portabled-squashfs-'));
  try {
    const source = join(directory, 'source');
    await mkdir(source);
    await makeSmallTree(source);
    const images: BaseImage[] = [];
    for (const [name, options] of smallImageOptions) {
      const image = join(directory, 'image');
      await makeSquashfs(source, image, [
        ...['-all-root', '-all-time', '0', '-nopad', '-b', '4096'],
        ...pseudoNodes,
        ...options,
      ]);
      const bytes = await readFile(image);
      images.push({ name, bytes, hot: hotRanges(bytes) });
      await rm(image);
    }
    return images;
  } finally {
    await rm(directory, { recursive: true });
  }
}

const smallImageOptions: readonly (readonly [name: string, options: readonly string[]])[] = [
  ['uncompressed', uncompressed],
  ['uncompressed, tail ends', [...uncompressed, '-tailends', '-always-use-fragments']],
  ['uncompressed, no fragments', [...uncompressed, '-no-fragments', '-no-xattrs']],
  ['compressed data only', ['-noI', '-noX', '-comp', 'gzip']],
  ...['gzip', 'xz', 'zstd', 'lz4', 'lzo', 'lzma'].map(
    (compressor) => [compressor, ['-comp', compressor]] as const,
  ),
  ['xz with branch filters', ['-comp', 'xz', '-Xbcj', 'x86,arm']],
];

/** The superblock (96 bytes), and everything from the inode table (its position is at 64) to the end. */
function hotRanges(bytes: Buffer): (readonly [number, number])[] {
  return [
    [0, 96],
    [Number(bytes.readBigUInt64LE(64)), bytes.length],
  ];
}
