/**
 * Differential test: what our reader gives of EROFS images equals what the kernel shows of them. Needs root (loop
 * mounts), erofs-utils, attr and acl. The images are made by the machine's mkfs.erofs, with every compressor it has;
 * images of newer versions are in test/fixtures/erofs, and read by the unit tests.
 */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Budget } from '../../src/disk/budget.ts';
import { openErofs } from '../../src/disk/erofs/index.ts';
import { openFileSource } from '../../src/disk/file-source.ts';
import { erofsCompressors, makeErofs, wideLimits } from '../support/erofs-image.ts';
import { compareWithKernel, withMounted } from '../support/kernel-compare.ts';
import { makeRichTree } from '../support/rich-tree.ts';
import { runSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';

const scratch = scratchDirectory('erofs-kernel');
const rich = join(scratch, 'rich');
/** Without owners that need an extended inode. */
const lowOwners = join(scratch, 'low-owners');
const large = join(scratch, 'large');

before(async () => {
  mkdirSync(rich);
  const many = { manyEntries: 700, depth: 30, owners: 40, xattrSets: 60, bigFile: 3 << 20 };
  await makeRichTree(rich, { privileged: true, ...many });
  // mkfs.erofs 1.5 fails on names of 255 bytes
  for (const letter of ['D', 'x']) {
    renameSync(join(rich, 'names', letter.repeat(255)), join(rich, 'names', letter.repeat(254)));
  }
  runSync('setfacl', ['-m', 'u:1000:r,g:5:rw,m:rx', join(rich, 'sizes/text-1')]);
  runSync('setfacl', ['-d', '-m', 'u:7:rwx', join(rich, 'links')]);
  runSync('cp', ['-a', rich, lowOwners]);
  rmSync(join(lowOwners, 'owners'), { recursive: true });
  mkdirSync(large);
  await makeRichTree(large, {
    privileged: false,
    manyEntries: 10_000,
    depth: 3,
    xattrSets: 5,
    bigFile: 200 << 20,
  });
  for (const name of ['names', 'sizes', 'xattrs']) rmSync(join(large, name), { recursive: true });
});

/** Makes an image, mounts it, and compares. */
async function compare(directory: string, options: readonly string[]): Promise<void> {
  const image = join(scratch, 'image');
  makeErofs(image, options, directory);
  const source = await openFileSource(image);
  try {
    const tree = await openErofs(source, new Budget(image, wideLimits));
    const found = await withMounted(image, 'erofs', (mounted) => compareWithKernel(tree, mounted));
    assert.deepEqual(found, []);
  } finally {
    await source.close();
    rmSync(image);
  }
}

function agrees(options: readonly string[], from: () => string = () => rich): void {
  it(options.join(' ') || 'no options', () => compare(from(), options));
}

describe('the reader and the kernel agree on plain images', () => {
  agrees([]);
  agrees(['-Eforce-inode-extended']);
  agrees(['-Eforce-inode-compact'], () => lowOwners);
  agrees(['-Eforce-inode-compact', '-T1234567890'], () => lowOwners);
  agrees(['--ignore-mtime']);
  agrees(['--all-root', '-T1']);
  agrees(['-Enoinline_data']);
  agrees(['-Enosbcrc']);
  for (const tolerance of ['-x-1', '-x0', '-x1', '-x1000']) agrees([tolerance]);
  for (const format of ['force-inode-blockmap', 'force-chunk-indexes']) {
    for (const size of ['4096', '65536', '1048576']) agrees([`-E${format}`, `--chunksize=${size}`]);
  }
  agrees(['--chunksize=8192', '-Enoinline_data,force-inode-extended']);
});

describe('the reader and the kernel agree on compressed images', () => {
  for (const compressor of erofsCompressors()) {
    for (const options of ['', 'legacy-compress', 'ztailpacking', 'legacy-compress,ztailpacking']) {
      for (const clusterSize of ['4096', '16384', '1048576']) {
        agrees([`-z${compressor}`, `-C${clusterSize}`, ...(options === '' ? [] : [`-E${options}`])]);
      }
    }
    agrees([`-z${compressor}`, '-C65536', '-Eforce-inode-extended']);
    agrees([`-z${compressor}`, '-C32768', '--max-extent-bytes=65536']);
    agrees([`-z${compressor}`, '--max-extent-bytes=4096']);
    agrees([`-z${compressor}`, '-x1', '--chunksize=4096']);
  }
});

describe('the reader and the kernel agree on large files and directories', () => {
  agrees([], () => large);
  agrees(['-zlz4hc,9', '-C1048576', '-Eztailpacking'], () => large);
});
