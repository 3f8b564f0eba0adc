/** Making and changing xfs images for tests. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Budget, type Limits, defaultLimits } from '../../src/disk/budget.ts';
import { openFileSource } from '../../src/disk/file-source.ts';
import type { FileTree } from '../../src/disk/tree.ts';
import { checksumOf } from '../../src/disk/xfs/checksum.ts';
import { openXfs } from '../../src/disk/xfs/index.ts';
import { writeAt } from './disk-images.ts';

/** What makes mkfs.xfs 5.19 and later agree to file systems of less than 300 MiB: the names of its own tests' settings. */
const small = { TEST_DIR: '/nowhere', TEST_DEV: '/nowhere', QA_CHECK_FS: '1' };

/** Makes `file` a sparse image with an empty xfs of `mebibytes`, at least 16. */
export function makeXfs(file: string, mebibytes: number, options: readonly string[] = []): void {
  rmSync(file, { force: true });
  writeFileSync(file, '');
  truncateSync(file, mebibytes * 2 ** 20);
  execFileSync('mkfs.xfs', ['-q', ...options, file], { stdio: 'pipe', env: { ...process.env, ...small } });
}

/** Where the superblock keeps the features that older readers must not pass over, and its checksum. */
const featuresAt = 216;
export const superblockChecksumAt = 224;
const superblockSize = 512;

/** Sets features that this mkfs.xfs has no options for, of an image that is still empty. Its sectors have 512 bytes. */
export function addFeatures(file: string, bits: number): void {
  const superblock = Buffer.from(readFileSync(file).subarray(0, superblockSize));
  addFeatureBits(superblock, bits);
  repair(superblock, superblockChecksumAt);
  writeAt(file, 0, superblock);
}

/** Sets features of a superblock, whose checksum is then no longer right. */
export function addFeatureBits(superblock: Buffer, bits: number): void {
  superblock.writeUInt32BE((superblock.readUInt32BE(featuresAt) | bits) >>> 0, featuresAt);
}

/** Makes the checksum of a structure right again. */
export function repair(structure: Buffer, checksumAt: number): void {
  structure.writeUInt32LE(checksumOf(structure, checksumAt), checksumAt);
}

/**
 * The image as it was before directories had the kinds of their entries (ftype=0), which no mkfs.xfs makes with checksums.
 * No name may have a length at which that changes the size of an entry in a block (5, 13, 21 …). Inodes have 512 bytes.
 */
export function withoutKinds(image: Buffer): Buffer {
  const bytes = Buffer.from(image);
  bytes.writeUInt32BE(bytes.readUInt32BE(featuresAt) & ~1, featuresAt);
  repair(bytes.subarray(0, superblockSize), superblockChecksumAt);
  for (let at = 0; at < bytes.length; at += 512) {
    const inode = bytes.subarray(at, at + 512);
    const isShortDirectory = inode.readUInt16BE(2) >> 12 === 4 && inode.readUInt8(5) === 1;
    if (inode.toString('latin1', 0, 2) !== 'IN' || !isShortDirectory) continue;
    const size = Number(inode.readBigUInt64BE(56));
    const old = Buffer.from(inode.subarray(176, 176 + size));
    // behind the header with the parent: length, offset, name, kind, and number
    const parts = [old.subarray(0, 6)];
    for (let from = 6; from < size;) {
      const nameEnd = from + 3 + old.readUInt8(from);
      parts.push(old.subarray(from, nameEnd), old.subarray(nameEnd + 1, nameEnd + 5));
      from = nameEnd + 5;
    }
    const shorter = Buffer.concat(parts);
    inode.fill(0, 176, 176 + size);
    shorter.copy(inode, 176);
    inode.writeBigUInt64BE(BigInt(shorter.length), 56);
    repair(inode, 100);
  }
  return bytes;
}

/** A comparison reads far more than an inspection. */
const wide: Limits = { ...defaultLimits, metadataBlocks: 1e9, directoryEntries: 1e9, wallTimeMs: 1e9 };

/** Opens an image with our reader, without limits. */
export async function readingXfs<T>(
  file: string,
  use: (tree: FileTree, bytesRead: () => number) => Promise<T>,
): Promise<T> {
  const source = await openFileSource(file);
  try {
    return await use(await openXfs(source, new Budget(file, wide)), () => source.bytesRead);
  } finally {
    await source.close();
  }
}

/**
 * Makes `file` an xfs of 32 MiB with the directories, files and symlinks of `tree` in it; without root, and so without
 * xattrs. Names must have no blanks.
 */
export function packXfsTree(tree: string, file: string, options: readonly string[] = []): void {
  const prototype = `${file}.prototype`;
  writeFileSync(prototype, ['/', '0 0', ...prototypeOf(tree, 'd--755 0 0'), ''].join('\n'));
  makeXfs(file, 32, ['-p', prototype, ...options]);
  rmSync(prototype);
}

/** The lines of mkfs.xfs(8) for a directory. */
function prototypeOf(directory: string, entry: string): string[] {
  const below = readdirSync(directory, { withFileTypes: true }).flatMap((each) => {
    const path = join(directory, each.name);
    if (each.isDirectory()) return prototypeOf(path, `${each.name} d--755 0 0`);
    if (each.isSymbolicLink()) return [`${each.name} l--777 0 0 ${readlinkSync(path)}`];
    return [`${each.name} ---644 0 0 ${path}`];
  });
  return [entry, ...below, '$'];
}
