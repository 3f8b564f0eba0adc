/**
 * Comparing what our reader gives of squashfs images with what the kernel shows of them, mounted. The test files that
 * do so are several only because files run at the same time; each compares one compressor.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { Budget, defaultLimits } from '../../src/disk/budget.ts';
import { openFileSource } from '../../src/disk/file-source.ts';
import { openSquashfs } from '../../src/disk/squashfs/index.ts';
import type { FileTree } from '../../src/disk/tree.ts';
import { compareWithKernel, differences, directoryFacts, treeFacts, withMounted } from './kernel-compare.ts';
import { makeRichTree, type RichTreeOptions } from './rich-tree.ts';
import { scratchDirectory } from './scratch.ts';
import { makeSquashfs, uncompressed } from './squashfs-images.ts';

const run = promisify(execFile);

/** Caps out of the way: whole trees are read here. */
const roomy = { ...defaultLimits, metadataBlocks: 1e9, directoryEntries: 1e9, wallTimeMs: 3_600_000 };

/** Trees of a few MiB, for many variants; with everything in full size; and with one large file. */
const trees = {
  small: { manyEntries: 300, depth: 40, largest: 1_100_000, owners: 300, xattrSets: 100 },
  full: {},
  big: { manyEntries: 1, depth: 1, largest: 1, owners: 1, xattrSets: 1, bigFile: 200_000_000 },
} satisfies Record<string, Omit<RichTreeOptions, 'privileged'>>;

type TreeName = keyof typeof trees;

export const blockSizes = ['4K', '128K', '1M'] as const;

/** Each changes where or how something is stored. */
export const layouts: readonly (readonly string[])[] = [
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

/** A test: the image of a tree that mksquashfs makes with some options. */
type Compare = (tree: TreeName, options: readonly string[]) => () => Promise<void>;

export interface Comparisons {
  readonly equalsKernel: Compare;
  /** For what the kernel cannot read. Unsquashfs shows no inode numbers, but all else. */
  readonly equalsUnsquashfs: Compare;
}

/** Comparisons in a scratch directory of the test file's own. Need root and loop devices. */
export function squashfsComparisons(topic: string): Comparisons {
  const scratch = scratchDirectory(topic);
  const image = join(scratch, 'image');
  const made = new Map<TreeName, Promise<string>>();
  const treeOf = (name: TreeName): Promise<string> => {
    const tree = made.get(name) ?? makeTree(join(scratch, name), trees[name]);
    made.set(name, tree);
    return tree;
  };
  const withImage = async (
    name: TreeName,
    options: readonly string[],
    use: (tree: FileTree) => Promise<void>,
  ): Promise<void> => {
    await makeSquashfs(await treeOf(name), image, options);
    const file = await openFileSource(image);
    try {
      await use(await openSquashfs(file, new Budget(image, roomy)));
    } finally {
      await file.close();
      rmSync(image);
    }
  };
  return {
    equalsKernel: (name, options) => () =>
      withImage(name, options, async (tree) => {
        // a loop device leaves out what is less than a sector
        const padded = join(scratch, 'padded');
        copyFileSync(image, padded);
        truncateSync(padded, Math.ceil(statSync(image).size / 4096) * 4096);
        const found = await withMounted(padded, 'squashfs', (mounted) => compareWithKernel(tree, mounted));
        assert.deepEqual(found, []);
      }),
    equalsUnsquashfs: (name, options) => () =>
      withImage(name, options, async (tree) => {
        const unpacked = join(scratch, 'unpacked');
        await run('unsquashfs', ['-no-progress', '-quiet', '-dest', unpacked, image], {
          maxBuffer: 1 << 26,
        });
        const found = differences(await treeFacts(tree), await directoryFacts(unpacked), ['inode', 'links']);
        rmSync(unpacked, { recursive: true });
        assert.deepEqual(found, []);
      }),
  };
}

async function makeTree(directory: string, options: Omit<RichTreeOptions, 'privileged'>): Promise<string> {
  mkdirSync(directory);
  await makeRichTree(directory, { privileged: true, ...options });
  return directory;
}

/** The tests that every compressor has: block sizes, layouts, and everything in full size. */
export function compareCompressor({ equalsKernel }: Comparisons, compressor: string): void {
  const comp = ['-comp', compressor];
  for (const blockSize of blockSizes) {
    const options = [...comp, '-b', blockSize];
    it(`on ${options.join(' ')}`, equalsKernel('small', options));
  }
  for (const layout of layouts) {
    const options = [...comp, ...layout];
    it(`on ${options.join(' ')}`, equalsKernel('small', options));
  }
  it(`on 10,000 entries, 2,100 owners, 600 xattr sets with ${compressor}`, equalsKernel('full', comp));
}

/** Tests of other options. */
export function compareOptions({ equalsKernel }: Comparisons, list: readonly (readonly string[])[]): void {
  for (const options of list) it(`on ${options.join(' ')}`, equalsKernel('small', options));
}
