/** Comparing our reader of ext2/3/4 with the kernel; needs root. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { Budget, defaultLimits } from '../../src/disk/budget.ts';
import { openExt } from '../../src/disk/ext4/index.ts';
import { openFileSource } from '../../src/disk/file-source.ts';
import type { FileTree } from '../../src/disk/tree.ts';
import { type FileFacts, compareWithKernel, withMounted } from './kernel-compare.ts';

/** A comparison reads far more than an inspection. */
const limits = { ...defaultLimits, metadataBlocks: 1e9, directoryEntries: 1e9, wallTimeMs: 1e9 };

/** Asserts that our reader finds what the kernel shows, and the type that blkid(8) names. */
export async function assertKernelAgrees(
  image: string,
  ignore: readonly (keyof FileFacts)[] = [],
): Promise<void> {
  await reading(image, async (tree) => {
    assert.equal(tree.type, blkidType(image));
    const options = tree.type === 'ext2' ? '' : 'noload';
    const found = await withMounted(
      image,
      tree.type,
      (directory) => compareWithKernel(tree, directory, { ignore }),
      options,
    );
    assert.deepEqual(found, []);
  });
}

/** Opens an image with our reader, without limits. */
export async function reading<T>(image: string, use: (tree: FileTree) => Promise<T>): Promise<T> {
  const source = await openFileSource(image);
  try {
    const tree = await openExt(source, new Budget(image, limits));
    return await use(tree);
  } finally {
    await source.close();
  }
}

/** Mounts an image for writing. */
export async function writable(
  image: string,
  type: string,
  use: (directory: string) => void | Promise<void>,
): Promise<void> {
  // withMounted mounts ro; a later rw wins
  await withMounted(image, type, async (directory) => use(directory), 'rw');
}

/** Runs shell commands in a directory. */
export function shell(directory: string, commands: string): void {
  execFileSync('bash', ['-euc', commands], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
}

function blkidType(image: string): string {
  return execFileSync('blkid', ['-p', '-o', 'value', '-s', 'TYPE', image], { encoding: 'utf8' }).trim();
}
