/** Making f2fs images with f2fs-tools, and finding things in them; none of this needs root. */
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { runSync, tryRunSync } from './run.ts';

export interface F2fsOptions {
  readonly mebibytes: number;
  /** For mkfs.f2fs(8). */
  readonly options?: readonly string[];
  /** A directory to copy into it, of which sload.f2fs(8) takes files, directories and links. */
  readonly from?: string;
}

/** Makes the file `image` an f2fs. @throws what the tools said */
export function makeF2fs(image: string, { mebibytes, options = [], from }: F2fsOptions): void {
  rmSync(image, { force: true });
  writeFileSync(image, '');
  truncateSync(image, mebibytes * 2 ** 20);
  runSync('mkfs.f2fs', ['-q', '-r', '-U', '5a1ec0de-0000-4000-8000-000000000001', ...options, image]);
  if (from === undefined) return;
  // its progress is megabytes long
  const { status, stderr } = tryRunSync('sh', [
    '-c',
    'exec sload.f2fs -P -f "$1" "$2" >/dev/null',
    'sh',
    from,
    image,
  ]);
  // 1: fsck.f2fs, which it ends with, has repaired what it wrote
  if (status !== 0 && status !== 1) throw new Error(`sload.f2fs: ${stderr}`);
}

const blockSize = 4096;
const footerSize = 24;

/** Where the node of that number is, for an image of which every node has one copy. */
export function nodeOffset(bytes: Buffer, node: number, inode = node): number {
  const mainStart = bytes.readUInt32LE(1024 + 92) * blockSize;
  const found: number[] = [];
  for (let at = mainStart; at + blockSize <= bytes.length; at += blockSize) {
    const foot = at + blockSize - footerSize;
    if (bytes.readUInt32LE(foot) === node && bytes.readUInt32LE(foot + 4) === inode) found.push(at);
  }
  const [only] = found;
  if (found.length !== 1 || only === undefined) throw new Error(`${found.length} copies of node ${node}`);
  return only;
}
