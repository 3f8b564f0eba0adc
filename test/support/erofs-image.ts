/** Making EROFS images with the machine's mkfs.erofs, and opening them; none of this needs root. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Budget, defaultLimits } from '../../src/disk/budget.ts';
import type { Limits } from '../../src/disk/budget.ts';
import { openErofs } from '../../src/disk/erofs/index.ts';
import { memorySource } from '../../src/disk/source.ts';
import type { FileTree } from '../../src/disk/tree.ts';
import { runSync, tryRunSync } from './run.ts';

/** Limits that reading all of a large tree stays below. */
export const wideLimits: Limits = {
  ...defaultLimits,
  directoryEntries: 10_000_000,
  metadataBlocks: 10_000_000,
  wallTimeMs: 600_000,
};

/** Makes `image` of a directory. @throws what mkfs.erofs said */
export function makeErofs(image: string, options: readonly string[], directory: string): void {
  runSync('mkfs.erofs', [...options, image, directory]);
}

/** The compressors that this machine's mkfs.erofs has: "lz4", "lz4hc", "lzma" … */
export function erofsCompressors(): string[] {
  const { stdout, stderr } = tryRunSync('mkfs.erofs', ['--help']);
  const help = stdout + stderr;
  const line = /Available compressors are:(.*)/.exec(help)?.[1];
  // newer versions list them one on a line, with their options
  if (line === undefined)
    return ['lz4', 'lz4hc', 'lzma', 'deflate', 'zstd'].filter((name) => help.includes(`  ${name}\n`));
  return line.split(',').map((name) => name.trim());
}

/** The tree in the bytes of an image. */
export function openBytes(bytes: Uint8Array, limits: Limits = defaultLimits): Promise<FileTree> {
  return openErofs(memorySource(bytes, 'test.erofs'), new Budget('test.erofs', limits));
}

/** The bytes of an image in test/fixtures/erofs. */
export function fixtureImage(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`../fixtures/erofs/${name}.img.gz`, import.meta.url)));
}
