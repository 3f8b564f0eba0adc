/** Making and reading btrfs images; what mounts them needs root. */
import assert from 'node:assert/strict';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { Budget, defaultLimits } from '../../src/disk/budget.ts';
import { openBtrfs } from '../../src/disk/btrfs/index.ts';
import { openFileSource } from '../../src/disk/file-source.ts';
import type { FileTree } from '../../src/disk/tree.ts';
import { differences, directoryFacts, treeFacts, withMounted } from './kernel-compare.ts';
import { runSync } from './run.ts';

/** A comparison reads far more than an inspection. */
export const wideLimits = { ...defaultLimits, metadataBlocks: 1e9, directoryEntries: 1e9, wallTimeMs: 1e9 };

/** Makes the file `image`, sparse, with a file system in it. @param options of mkfs.btrfs(8) */
export function makeBtrfs(image: string, mebibytes: number, options: readonly string[] = []): void {
  rmSync(image, { force: true });
  writeFileSync(image, '');
  truncateSync(image, mebibytes * 2 ** 20);
  runSync('mkfs.btrfs', ['-q', ...options, image]);
}

/** Mounts an image for writing. @param options for mount -o: "compress=zstd" */
export async function fillBtrfs(
  image: string,
  fill: (directory: string) => void,
  options = 'rw',
): Promise<void> {
  // withMounted mounts ro; a later rw wins
  const use = (directory: string): Promise<void> => {
    fill(directory);
    return Promise.resolve();
  };
  await withMounted(image, 'btrfs', use, `rw,${options}`);
}

/** Opens an image with our reader, without limits. */
export async function readingBtrfs<T>(image: string, use: (tree: FileTree) => Promise<T>): Promise<T> {
  const source = await openFileSource(image);
  try {
    return await use(await openBtrfs(source, new Budget(image, wideLimits)));
  } finally {
    await source.close();
  }
}

/**
 * Asserts that our reader finds what the kernel shows.
 * @param atLeast the comparison is none with fewer files
 * @param isExpected of the differences, those that are none
 */
export async function assertKernelAgrees(
  image: string,
  atLeast: number,
  isExpected: (difference: string) => boolean = () => false,
): Promise<void> {
  const ours = await readingBtrfs(image, (tree) => treeFacts(tree));
  const theirs = await withMounted(image, 'btrfs', (directory) => directoryFacts(directory));
  assert.deepEqual(
    differences(ours, theirs).filter((line) => !isExpected(line)),
    [],
  );
  assert.ok(ours.size >= atLeast, `${ours.size} files`);
}
