/**
 * Against the kernel: the tree that our reader gives of an image equals what the kernel shows of it, mounted, for
 * every compressor, block size and layout option of mksquashfs. Needs root and loop devices.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Budget, defaultLimits } from '../../src/disk/budget.ts';
import { openFileSource } from '../../src/disk/file-source.ts';
import { openSquashfs } from '../../src/disk/squashfs/index.ts';
import type { FileTree } from '../../src/disk/tree.ts';
import {
  compareWithKernel,
  directoryFacts,
  differences,
  treeFacts,
  withMounted,
} from '../support/kernel-compare.ts';
import { makeRichTree } from '../support/rich-tree.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { makeSquashfs, uncompressed } from '../support/squashfs-images.ts';

const run = promisify(execFile);
const scratch = scratchDirectory('squashfs-kernel');
const image = join(scratch, 'image');

/** Caps out of the way: whole trees are read here. */
const roomy = { ...defaultLimits, metadataBlocks: 1e9, directoryEntries: 1e9, wallTimeMs: 3_600_000 };

/** A tree of a few MiB, for many variants; and one with everything in full size, for a few. */
const small = join(scratch, 'small');
const full = join(scratch, 'full');

before(async () => {
  mkdirSync(small);
  await makeRichTree(small, {
    privileged: true,
    manyEntries: 300,
    depth: 40,
    largest: 1_100_000,
    owners: 300,
    xattrSets: 100,
  });
  mkdirSync(full);
  await makeRichTree(full, { privileged: true });
});

/** Makes the image, and hands the reader's tree of it to `use`. */
async function withImage(
  source: string,
  options: readonly string[],
  use: (tree: FileTree) => Promise<void>,
): Promise<void> {
  await makeSquashfs(source, image, options);
  const file = await openFileSource(image);
  try {
    await use(await openSquashfs(file, new Budget(image, roomy)));
  } finally {
    await file.close();
    rmSync(image);
  }
}

const equalsKernel = (source: string, options: readonly string[]) => () =>
  withImage(source, options, async (tree) => {
    // a loop device leaves out what is less than a sector
    const padded = join(scratch, 'padded');
    copyFileSync(image, padded);
    truncateSync(padded, Math.ceil(statSync(image).size / 4096) * 4096);
    const found = await withMounted(padded, 'squashfs', (mounted) => compareWithKernel(tree, mounted));
    assert.deepEqual(found, []);
  });

/** The kernel has no lzma: unsquashfs takes its place. It shows no inode numbers, but all else. */
const equalsUnsquashfs = (source: string, options: readonly string[]) => () =>
  withImage(source, options, async (tree) => {
    const unpacked = join(scratch, 'unpacked');
    await run('unsquashfs', ['-no-progress', '-quiet', '-dest', unpacked, image], { maxBuffer: 1 << 26 });
    const found = differences(await treeFacts(tree), await directoryFacts(unpacked), ['inode', 'links']);
    rmSync(unpacked, { recursive: true });
    assert.deepEqual(found, []);
  });

const kernelCompressors = ['gzip', 'xz', 'zstd', 'lz4', 'lzo'];
const blockSizes = ['4K', '128K', '1M'];

/** Each changes where or how something is stored. */
const layouts: readonly (readonly string[])[] = [
  [],
  ['-noI'],
  ['-noId'],
  ['-noD'],
  ['-noF'],
  ['-noX'],
  uncompressed,
  ['-no-fragments'],
  ['-always-use-fragments'],
  ['-tailends'],
  ['-no-duplicates'],
  ['-no-hardlinks'],
  ['-no-sparse'],
  ['-no-xattrs'],
  ['-no-exports'],
  ['-nopad'],
  ['-all-root', '-all-time', '0'],
];

/** Options of the compressors. */
const compressions: readonly (readonly string[])[] = [
  ['-comp', 'gzip', '-Xcompression-level', '1', '-Xwindow-size', '8'],
  ['-comp', 'gzip', '-Xstrategy', 'huffman_only,run_length_encoded,fixed'],
  ['-comp', 'lz4', '-Xhc'],
  ['-comp', 'lzo', '-Xalgorithm', 'lzo1x_1'],
  ['-comp', 'lzo', '-Xalgorithm', 'lzo1x_1_15'],
  ['-comp', 'zstd', '-Xcompression-level', '1'],
  ['-comp', 'zstd', '-Xcompression-level', '22', '-b', '1M'],
  ['-comp', 'xz', '-Xdict-size', '8K'],
  ['-comp', 'xz', '-b', '1M', '-Xdict-size', '100%'],
  ...['x86', 'arm', 'armthumb', 'powerpc', 'sparc', 'ia64'].map((filter) => ['-comp', 'xz', '-Xbcj', filter]),
  ['-comp', 'xz', '-b', '1M', '-Xbcj', 'x86,arm,armthumb,powerpc,sparc,ia64'],
];

describe('the squashfs reader and the kernel agree', () => {
  for (const compressor of kernelCompressors) {
    for (const blockSize of blockSizes) {
      const options = ['-comp', compressor, '-b', blockSize];
      it(`on ${options.join(' ')}`, equalsKernel(small, options));
    }
    for (const layout of layouts) {
      const options = ['-comp', compressor, ...layout];
      it(`on ${options.join(' ')}`, equalsKernel(small, options));
    }
  }
  for (const options of compressions) it(`on ${options.join(' ')}`, equalsKernel(small, options));
  for (const blockSize of ['8K', '16K', '32K', '64K', '256K', '512K']) {
    it(`on -b ${blockSize}`, equalsKernel(small, ['-b', blockSize]));
  }
  for (const compressor of kernelCompressors) {
    it(
      `on 10,000 entries, 2,100 owners, 600 xattr sets with ${compressor}`,
      equalsKernel(full, ['-comp', compressor]),
    );
  }
});

describe('the squashfs reader and unsquashfs agree', () => {
  for (const blockSize of blockSizes) {
    it(`on -comp lzma -b ${blockSize}`, equalsUnsquashfs(small, ['-comp', 'lzma', '-b', blockSize]));
  }
  for (const layout of layouts) {
    it(`on -comp lzma ${layout.join(' ')}`, equalsUnsquashfs(small, ['-comp', 'lzma', ...layout]));
  }
});

describe('a file of 200 MB', () => {
  const big = join(scratch, 'big');
  before(async () => {
    mkdirSync(big);
    await makeRichTree(big, {
      privileged: true,
      manyEntries: 1,
      depth: 1,
      largest: 1,
      owners: 1,
      xattrSets: 1,
      bigFile: 200_000_000,
    });
  });
  it('is the same with gzip', equalsKernel(big, ['-comp', 'gzip']));
  it(
    'is the same with zstd and blocks of 1 MiB',
    equalsKernel(big, ['-comp', 'zstd', '-b', '1M', '-Xcompression-level', '3']),
  );
});
