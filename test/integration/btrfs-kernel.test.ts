/**
 * Differential test: what our reader gives of btrfs images equals what the kernel shows of them; formats, features,
 * subvolumes. What files are made of is in btrfs-kernel-data.test.ts. Needs root, loop devices, btrfs-progs, attr.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { assertKernelAgrees, fillBtrfs, makeBtrfs, readingBtrfs } from '../support/btrfs-image.ts';
import { failsWith } from '../support/fails-with.ts';
import {
  compareWithKernel,
  differences,
  directoryFacts,
  treeFacts,
  type TreeFacts,
  withMounted,
} from '../support/kernel-compare.ts';
import { makeRichTree } from '../support/rich-tree.ts';
import { runSync, tryRunSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';

const scratch = scratchDirectory('btrfs-kernel');
const image = join(scratch, 'image.raw');
const rich = join(scratch, 'rich');

before(async () => {
  mkdirSync(rich);
  await makeRichTree(rich, {
    privileged: true,
    manyEntries: 150,
    depth: 12,
    largest: 140_000,
    owners: 10,
    xattrSets: 10,
  });
  rmSync(join(rich, 'links/target-4000')); // more than a tree block of 4096 bytes takes
  runSync('setfacl', ['-m', 'u:1000:r,g:5:rw', join(rich, 'sizes/text-1')]);
});

/** Pairs of names with the same CRC-32C. */
const sameHash = { names: ['yrrjoykx', 'g1a7t6jk'], attributes: ['user.cwdzojk9', 'user.m74skwot'] };

const copyRich = (directory: string): void => void runSync('cp', ['-a', '-T', rich, directory]);
const btrfs = (...args: readonly string[]): void => void runSync('btrfs', args);

describe('the reader and the kernel agree on btrfs', () => {
  const blocks = [['--mixed'], ['--nodesize', '4096'], ['--nodesize', '16384'], ['--nodesize', '65536']];
  for (const checksum of ['crc32c', 'xxhash', 'sha256', 'blake2']) {
    for (const [i, options] of blocks.entries()) {
      // each of the mount options comes with another pair
      const mount = ['rw', 'compress-force=zlib', 'compress-force=lzo', 'compress-force=zstd'];
      const how = mount[(i + checksum.length) % 4]!;
      it(`with ${checksum}, ${options.join(' ')}, mounted ${how}`, async () => {
        makeBtrfs(image, 160, ['--csum', checksum, ...options]);
        await fillBtrfs(image, copyRich, how);
        await assertKernelAgrees(image, 300);
      });
    }
  }

  const features: readonly (readonly string[])[] = [
    ['-O', '^no-holes'],
    ['-O', '^extref'],
    ['-O', '^skinny-metadata'],
    ['-O', 'raid56,raid1c34'],
    ['-R', '^free-space-tree'],
    ['-R', 'quota'],
    ['-m', 'single'],
    ['-m', 'raid0', '-d', 'raid0'],
    ['-d', 'dup'],
    ['--mixed', '-m', 'dup', '-d', 'dup'],
  ];
  for (const options of features) {
    it(`made with ${options.join(' ')}`, async () => {
      makeBtrfs(image, 300, options);
      await fillBtrfs(image, copyRich);
      await assertKernelAgrees(image, 300);
    });
  }

  it('made for zoned devices', async () => {
    makeBtrfs(image, 6144, ['-O', 'zoned']);
    await fillBtrfs(image, copyRich);
    await assertKernelAgrees(image, 300);
  });

  it('made with -O block-group-tree, where mkfs.btrfs knows it', async () => {
    makeBtrfs(image, 160);
    const made = tryRunSync('mkfs.btrfs', ['-q', '-f', '-O', 'block-group-tree', image]);
    if (made.status !== 0) assert.match(made.stderr, /block-group-tree/);
    await fillBtrfs(image, copyRich);
    await assertKernelAgrees(image, 300);
  });

  for (const options of [[], ['--mixed'], ['--shrink'], ['--csum', 'xxhash', '--nodesize', '4096']]) {
    it(`filled by mkfs.btrfs ${options.join(' ')}`, async () => {
      makeBtrfs(image, 160, ['--rootdir', rich, ...options]);
      await assertKernelAgrees(image, 300);
    });
  }

  it('with another identifier than its blocks have', async () => {
    makeBtrfs(image, 160, ['--rootdir', rich]);
    runSync('btrfstune', ['-m', image]);
    await assertKernelAgrees(image, 300);
  });

  it('after it was balanced, grown and made smaller', async () => {
    makeBtrfs(image, 300);
    await fillBtrfs(image, (directory) => {
      copyRich(directory);
      btrfs('subvolume', 'snapshot', directory, join(directory, 'before'));
      btrfs('balance', 'start', '--full-balance', directory);
      btrfs('filesystem', 'resize', '-40M', directory);
      btrfs('balance', 'start', '-f', '-mconvert=single', directory);
    });
    await assertKernelAgrees(image, 600);
  });

  it('with a log that was not written back: as without it', async () => {
    makeBtrfs(image, 160);
    const unfinished = join(scratch, 'unfinished.raw');
    await fillBtrfs(image, (directory) => {
      copyRich(directory);
      runSync('sync', ['-f', directory]);
      runSync('xfs_io', ['-f', '-c', 'pwrite 0 50000', '-c', 'fsync', join(directory, 'later')]);
      copyFileSync(image, unfinished);
    });
    assert.notEqual(readFileSync(unfinished).readBigUInt64LE(0x1_0060), 0n, 'there is a log');
    const ours = await readingBtrfs(unfinished, (tree) => treeFacts(tree));
    const show = (directory: string): Promise<TreeFacts> => directoryFacts(directory);
    const kernels = await withMounted(unfinished, 'btrfs', show, 'rescue=nologreplay');
    assert.deepEqual(differences(ours, kernels), []);
    assert.ok(ours.size > 300 && !ours.has('later'));
  });

  it('with 10,000 entries in a directory, and long names in small blocks', async () => {
    makeBtrfs(image, 300, ['--nodesize', '4096']);
    await fillBtrfs(image, (directory) => {
      mkdirSync(join(directory, 'wide'));
      // without content, as comparing that takes its time
      const names = Array.from({ length: 10_000 }, (_, i) => join(directory, `wide/entry-${i}`));
      runSync('mkfifo', names);
      mkdirSync(join(directory, 'long'));
      for (let i = 0; i < 500; i++) writeFileSync(join(directory, 'long', `${i}`.padEnd(255, 'x')), `${i}`);
      runSync('rm', names.slice(2000, 2500));
      for (let i = 0; i < 500; i++) writeFileSync(join(directory, 'wide', `later-${i}`), '');
    });
    await assertKernelAgrees(image, 10_000);
  });

  it('with names and attributes of the same hash, and a property, which is an attribute', async () => {
    makeBtrfs(image, 160);
    await fillBtrfs(image, (directory) => {
      for (const name of sameHash.names) writeFileSync(join(directory, name), name);
      writeFileSync(join(directory, 'attributes'), '');
      btrfs('property', 'set', join(directory, 'attributes'), 'compression', 'zlib');
      for (const name of sameHash.attributes) {
        runSync('setfattr', ['-n', name, '-v', name, join(directory, 'attributes')]);
      }
    });
    await assertKernelAgrees(image, 4);
  });
});

it('more attributes of a file than anybody needs are refused', async () => {
  makeBtrfs(image, 160);
  await fillBtrfs(image, (directory) => {
    const file = join(directory, 'attributes');
    writeFileSync(file, '');
    const lines = Array.from({ length: 100 }, (_, i) => `user.${i}=0x${'61'.repeat(12_000)}`);
    runSync('setfattr', ['--restore=-'], {
      input: `# file: ${file.slice(1)}\n${lines.join('\n')}\n`,
      cwd: '/',
    });
  });
  const reading = readingBtrfs(image, (tree) => treeFacts(tree));
  await failsWith(reading, 'LimitsExceeded', /more than 1048576 bytes of extended attributes of inode 257/);
});

describe('the reader and the kernel agree on subvolumes', () => {
  it('inside each other, with snapshots that lack those inside', async () => {
    makeBtrfs(image, 300);
    await fillBtrfs(image, (directory) => {
      const at = (name: string): string => join(directory, name);
      copyRich(directory);
      btrfs('subvolume', 'create', at('outer'));
      btrfs('subvolume', 'create', at('outer/inner'));
      runSync('cp', ['-a', '-T', join(rich, 'names'), at('outer/inner')]);
      btrfs('subvolume', 'create', at('outer/inner/deleted'));
      btrfs('subvolume', 'snapshot', at('outer'), at('snapshot'));
      btrfs('subvolume', 'snapshot', '-r', directory, at('all'));
      btrfs('subvolume', 'snapshot', at('outer/inner'), at('outer/inner/again'));
      btrfs('subvolume', 'delete', at('outer/inner/deleted'));
      writeFileSync(at('snapshot/later'), 'later');
      runSync('chown', ['1000:1001', at('snapshot')]);
      runSync('mv', [at('outer'), at('moved')]);
      runSync('mv', [at('moved/inner'), at('moved/renamed')]);
      runSync('cp', ['-a', '--reflink=always', at('sizes'), at('snapshot/sizes')]);
    });
    await assertKernelAgrees(image, 600, isNowhere);
  });

  /** The directories that the kernel shows for entries that lead nowhere; to it they are as old as the mount. */
  const isNowhere = (line: string): boolean =>
    ['/all/outer', '/all/snapshot', '/moved/renamed/again/deleted', '/snapshot/inner'].some((path) =>
      line.startsWith(`"${path}": mtime is `),
    );

  for (const name of ['the first one', 'one inside', 'a snapshot']) {
    it(`of which ${name} is the default`, async () => {
      makeBtrfs(image, 160);
      await fillBtrfs(image, (directory) => {
        const inner = join(directory, 'inner');
        btrfs('subvolume', 'create', inner);
        copyRich(inner);
        writeFileSync(join(directory, 'outside'), '');
        const snapshot = join(inner, 'snapshot');
        btrfs('subvolume', 'snapshot', inner, snapshot);
        const chosen = { 'the first one': directory, 'one inside': inner, 'a snapshot': snapshot }[name]!;
        btrfs('subvolume', 'set-default', chosen);
      });
      await assertKernelAgrees(image, 300);
    });
  }
});

describe('what this kernel cannot mount equals what it was made of', () => {
  for (const size of ['8192', '16384', '65536']) {
    it(`sectors of ${size}`, async () => {
      makeBtrfs(image, 300, ['--sectorsize', size, '--nodesize', '65536', '--rootdir', rich]);
      const found = await readingBtrfs(image, (tree) =>
        compareWithKernel(tree, rich, { ignore: ['inode', 'links', 'mtime', 'device'] }),
      );
      assert.deepEqual(found, []);
    });
  }
});
