/**
 * Fuzz target: the EROFS reader. The images are the fixtures and some that this machine's mkfs.erofs makes of the
 * same directory, all without checksum; the hot places are the superblock and the inodes with what follows them.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openErofs } from '../../src/disk/erofs/index.ts';
import type { TreeNode } from '../../src/disk/tree.ts';
import { fixtureImage, makeErofs, openBytes, wideLimits } from '../support/erofs-image.ts';
import { makeErofsSample } from '../support/erofs-sample.ts';
import type { FuzzTarget } from './fuzz.ts';
import type { BaseImage } from './mutate.ts';

export const erofsTarget: FuzzTarget = { name: 'erofs', images: baseImages, open: openErofs };

/** Options of mkfs.erofs 1.5 for what no fixture has. */
const variants = [
  ['-Eforce-inode-compact'],
  ['-Eforce-inode-extended', '-x1'],
  ['--chunksize=4096', '-Eforce-inode-blockmap'],
  ['--chunksize=16384', '-Eforce-chunk-indexes'],
  ['-zlz4', '-Elegacy-compress'],
  ['-zlz4hc', '-C16384', '-Eztailpacking'],
  ['-zlz4', '-C8192', '-Elegacy-compress,ztailpacking'],
];

/** Larger ones would only slow down what happens to all. */
const maxImageBytes = 160 * 1024;

async function baseImages(): Promise<readonly BaseImage[]> {
  const directory = mkdtempSync(join(tmpdir(), 'portabled-fuzz-erofs-'));
  try {
    const sample = join(directory, 'sample');
    mkdirSync(sample);
    await makeErofsSample(sample);
    const fixtures = readdirSync(new URL('../fixtures/erofs/', import.meta.url))
      .filter((name) => name.endsWith('.img.gz'))
      .map((name) => name.slice(0, -'.img.gz'.length))
      .sort();
    const images = [
      ...fixtures.map((name) => ({ name, bytes: fixtureImage(name) })),
      ...variants.map((options) => {
        const image = join(directory, 'image');
        makeErofs(
          image,
          ['--all-root', '-T1700000000', '-U5a1ec0de-0000-4000-8000-000000000003', ...options],
          sample,
        );
        return { name: options.join(' '), bytes: readFileSync(image) };
      }),
    ].filter(({ bytes }) => bytes.length <= maxImageBytes);
    return await Promise.all(
      images.map(async ({ name, bytes }) => {
        // feature_compat without its first bit: no checksum
        bytes.writeUInt32LE(bytes.readUInt32LE(1032) & ~1, 1032);
        return { name, bytes, hot: await hotRanges(bytes) };
      }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The superblock, and each inode with what usually follows it. */
async function hotRanges(bytes: Buffer): Promise<(readonly [number, number])[]> {
  const ranges: (readonly [number, number])[] = [
    [1024, 1024 + 128],
    [1024, 1024 + 160],
  ];
  const slots = bytes.readUInt32LE(1024 + 0x28) * 2 ** bytes.readUInt8(1024 + 0x0c);
  const visit = async (node: TreeNode): Promise<void> => {
    const position = slots + Number(BigInt.asUintN(48, node.stat.inode)) * 32;
    if (node.stat.inode < 1n << 48n) ranges.push([position, Math.min(position + 160, bytes.length)]);
    if (node.stat.kind !== 'directory') return;
    for await (const { name } of node.entries()) {
      const child = await node.lookup(name);
      if (child !== undefined) await visit(child);
    }
  };
  await visit(await (await openBytes(bytes, wideLimits)).root());
  return ranges;
}
