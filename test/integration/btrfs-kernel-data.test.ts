/**
 * Differential test: what files on btrfs are made of. Compressions and their levels; inline, prealloc, shared and rewritten
 * extents, holes, files without checksums; bad copies. Needs root, loop devices, btrfs-progs.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { assertKernelAgrees, fillBtrfs, makeBtrfs, readingBtrfs } from '../support/btrfs-image.ts';
import { failsWith } from '../support/fails-with.ts';
import { treeFacts } from '../support/kernel-compare.ts';
import { Random } from '../support/random.ts';
import { runSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';

const scratch = scratchDirectory('btrfs-kernel-data');
const image = join(scratch, 'image.raw');
const files = join(scratch, 'files');

/** Sizes around sectors and compressed extents; text, noise, zeros, and text in which a sector of noise is. */
before(() => {
  mkdirSync(files);
  const random = new Random(3);
  for (const size of [
    0, 1, 100, 2000, 2048, 2049, 3900, 4095, 4096, 4097, 8192, 20_000, 131_071, 131_073, 700_001,
  ]) {
    writeFileSync(join(files, `text-${size}`), random.text(size));
    writeFileSync(join(files, `noise-${size}`), random.bytes(size));
    writeFileSync(join(files, `zeros-${size}`), Buffer.alloc(size));
    const mixed = random.text(size);
    random.bytes(4096).copy(mixed, Math.floor(size / 2));
    writeFileSync(join(files, `mixed-${size}`), mixed);
  }
});

const copyFiles = (directory: string): void => void runSync('cp', ['-a', '-T', files, directory]);

describe('the reader and the kernel agree on data of btrfs', () => {
  const compressions = ['zlib:1', 'zlib:9', 'lzo', 'zstd:1', 'zstd:3', 'zstd:15'];
  for (const compression of compressions) {
    for (const options of [['--mixed'], []]) {
      it(`compressed with ${compression} ${options.join(' ')}`, async () => {
        makeBtrfs(image, 160, options);
        await fillBtrfs(image, copyFiles, `compress-force=${compression}`);
        await assertKernelAgrees(image, 60);
      });
    }
  }

  for (const mount of ['compress=zstd', 'max_inline=0', 'max_inline=4096', 'nodatasum', 'nodatacow']) {
    it(`mounted ${mount}`, async () => {
      makeBtrfs(image, 160);
      await fillBtrfs(image, copyFiles, mount);
      await assertKernelAgrees(image, 60);
    });
  }

  for (const mount of ['rw', 'compress-force=lzo', 'compress-force=zstd', 'nodatacow']) {
    it(`of files that were changed in many ways, mounted ${mount}`, async () => {
      makeBtrfs(image, 300, mount === 'rw' ? ['-O', '^no-holes'] : []);
      await fillBtrfs(image, changeInManyWays, mount);
      await assertKernelAgrees(image, 12);
    });
  }

  it('of a file of 200 MB', async () => {
    makeBtrfs(image, 600);
    await fillBtrfs(
      image,
      (directory) => {
        const random = new Random(5);
        const file = openSync(join(directory, 'large'), 'w');
        for (let i = 0; i < 200; i++) writeSync(file, i % 3 === 0 ? random.bytes(1e6) : random.text(1e6));
        closeSync(file);
      },
      'compress=zstd',
    );
    await assertKernelAgrees(image, 2);
  });
});

/** Extents that are shared, overwritten in the middle, cut, moved, preallocated, punched. */
function changeInManyWays(directory: string): void {
  const at = (name: string): string => join(directory, name);
  const io = (name: string, ...commands: readonly string[]): void =>
    void runSync('xfs_io', ['-f', ...commands.flatMap((command) => ['-c', command]), at(name)]);
  const random = new Random(4);
  const text = (name: string, size: number): void => writeFileSync(at(name), random.text(size));
  text('whole', 600_000);
  runSync('sync', ['-f', directory]);
  runSync('cp', ['--reflink=always', at('whole'), at('shared')]);
  io('shared', 'pwrite -S 7 100000 5000', 'fsync', 'pwrite -S 8 102400 1', 'fsync');
  io('parts', `reflink ${at('whole')} 8192 200704 65536`, `reflink ${at('whole')} 131072 0 131072`);
  io('preallocated', 'falloc 0 300000', 'pwrite -S 9 65536 4096', 'fsync');
  io('kept', 'pwrite 0 5000', 'falloc -k 5000 200000', 'fsync');
  text('punched', 400_000);
  io('punched', 'fsync', 'fpunch 50000 120000', 'fpunch 200000 10', 'fsync');
  text('zeroed', 200_000);
  io('zeroed', 'fsync', 'fzero 4096 100000', 'fsync');
  text('cut', 300_000);
  io('cut', 'fsync', 'truncate 131000', 'fsync', 'truncate 200000', 'fsync', 'truncate 131080');
  text('grown', 10);
  io('grown', 'fsync', 'truncate 100000', 'fsync', 'pwrite -S 5 50000 10');
  text('grown-from-inline', 1000);
  io('grown-from-inline', 'fsync', 'truncate 5000', 'fsync', 'truncate 2000');
  io('far', 'pwrite 1t 100', 'pwrite 16m 4096');
  for (let i = 0; i < 200; i++) io('scattered', `pwrite -S ${i} ${((i * 37) % 200) * 8192} 4096`, 'fsync');
  truncateSync(at('far'), 20 * 2 ** 20);
}

describe('copies on btrfs that went bad', () => {
  /** Damages what both copies of a chunk have, or only the first: wherever these bytes are in the image. */
  function damage(needle: Buffer, howMany: 'first' | 'all'): void {
    const bytes = readFileSync(image);
    let found = 0;
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
      if (found++ > 0 && howMany === 'first') continue;
      bytes.fill(0x55, at, at + 10);
    }
    assert.equal(found, 2);
    writeFileSync(image, bytes);
  }

  const needle = Buffer.from('the very bytes that are looked for');
  const make = (): void => {
    const from = join(scratch, 'from');
    mkdirSync(from, { recursive: true });
    writeFileSync(
      join(from, 'large'),
      Buffer.concat([Buffer.alloc(300_000, 'x'), needle, Buffer.alloc(50_000, 'y')]),
    );
    writeFileSync(join(from, 'the name that is looked for'), '');
    makeBtrfs(image, 160, ['-d', 'dup', '-m', 'dup', '--rootdir', from]);
  };

  it('data: the other one is used', async () => {
    make();
    damage(needle, 'first');
    await assertKernelAgrees(image, 3);
  });

  it('data: without a good one, the error names inode and offset', async () => {
    make();
    damage(needle, 'all');
    const reading = readingBtrfs(image, (tree) => treeFacts(tree));
    await failsWith(
      reading,
      'InvalidArgs',
      /the data of inode \d+ of subvolume 5 at 299008 \(offset \d+\) do not match their crc32c checksum/,
    );
  });
});
