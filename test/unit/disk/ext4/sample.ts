/** Opening sample images from memory. */
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { Budget, type Limits, defaultLimits } from '../../../../src/disk/budget.ts';
import { openExt } from '../../../../src/disk/ext4/index.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import type { FileTree, TreeNode } from '../../../../src/disk/tree.ts';
export { nodeAt, readAll } from '../../../support/tree-nodes.ts';
import { type SampleOptions, makeSample } from '../../../support/ext-sample.ts';

/** Makes a sample and gives its bytes; the file stays, for questions to debugfs. */
export async function sampleBytes(file: string, options: SampleOptions): Promise<Buffer> {
  await rm(file, { force: true });
  await makeSample(file, options);
  return readFileSync(file);
}

export function open(bytes: Buffer, limits: Partial<Limits> = {}): Promise<FileTree> {
  return openExt(
    memorySource(bytes, 'sample.raw'),
    new Budget('sample.raw', { ...defaultLimits, ...limits }),
  );
}

export async function names(node: TreeNode): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of node.entries()) found.push(entry.name.toString());
  return found.sort();
}

/** Asks debugfs(8) about an image. */
export function ask(file: string, request: string): string {
  return execFileSync('debugfs', ['-R', request, file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** Where in the image the inode of a path starts, bytes. */
export function inodeOffset(file: string, path: string, blockSize: number): number {
  const match = /located at block (\d+), offset 0x([0-9a-f]+)/.exec(ask(file, `imap ${path}`));
  return Number(match?.[1]) * blockSize + parseInt(match?.[2] ?? '', 16);
}

/** The blocks of a path in order, those of its map left out. */
export function dataBlocks(file: string, path: string, blockSize: number): number[] {
  const count = Number(/Size: (\d+)/.exec(ask(file, `stat ${path}`))?.[1]) / blockSize;
  const script = `${file}.bmap`;
  writeFileSync(script, Array.from({ length: count }, (_, logical) => `bmap ${path} ${logical}\n`).join(''));
  const output = execFileSync('debugfs', ['-f', script, file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return [...output.matchAll(/^(\d+)$/gm)].map((match) => Number(match[1]));
}

/** A copy with one change. */
export function changed(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

export function scratchFile(directory: string, name: string): string {
  return join(directory, name.replaceAll(/[^a-z0-9]/g, '-'));
}
