/** What the reader gives of btrfs images, without root: fixtures that the kernel filled, and images of mkfs.btrfs. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import { openBtrfs } from '../../../../src/disk/btrfs/index.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import type { TreeNode } from '../../../../src/disk/tree.ts';
import { readFile } from '../../../../src/disk/walk.ts';
import { btrfsFixture, btrfsFixtureFacts, btrfsFixtures } from '../../../support/btrfs-fixtures.ts';
import { makeBtrfs, readingBtrfs } from '../../../support/btrfs-image.ts';
import { failsWith } from '../../../support/fails-with.ts';
import { compareWithKernel, differences, treeFacts } from '../../../support/kernel-compare.ts';
import { makeRichTree } from '../../../support/rich-tree.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

const scratch = scratchDirectory('btrfs-reader', '/dev/shm');

const open = (bytes: Buffer, limits = defaultLimits) =>
  openBtrfs(memorySource(bytes, 'foo.raw'), new Budget('foo.raw', limits));

/** The node at a path of names. */
async function nodeAt(root: TreeNode, path: string): Promise<TreeNode> {
  let node = root;
  for (const name of path.split('/')) {
    node = (await node.lookup(Buffer.from(name))) ?? assert.fail(`no ${name} of ${path}`);
  }
  return node;
}

describe('the btrfs reader', () => {
  for (const name of btrfsFixtures) {
    it(`finds in ${name} what the kernel showed`, async () => {
      const ours = await treeFacts(await open(btrfsFixture(name)));
      const kernels = btrfsFixtureFacts(name);
      assert.deepEqual(differences(ours, kernels), []);
      assert.ok(kernels.size >= 16);
    });
  }

  it('reads any part of a file, and nothing beside it', async () => {
    for (const [name, path] of [
      ['subvolumes', 'stored'],
      ['subvolumes', 'sparse'],
      ['subvolumes', 'shared'],
      ['compressed', 'zlib/repeats'],
      ['compressed', 'lzo/mixed'],
      ['compressed', 'zstd/mixed'],
      ['compressed', 'lzo/inline'],
    ] as const) {
      const node = await nodeAt(await (await open(btrfsFixture(name))).root(), path);
      const size = Number(node.stat.size);
      const all = await node.read(0n, size + 100);
      assert.equal(all.length, size);
      for (let i = 0; i < 60; i++) {
        const offset = (i * 7919) % size;
        const length = (i * 104_729) % 30_000;
        const part = await node.read(BigInt(offset), length);
        assert.ok(part.equals(all.subarray(offset, offset + length)), `${path}: ${length} from ${offset}`);
      }
      assert.equal((await node.read(BigInt(size), 10)).length, 0);
      assert.equal((await node.read(2n ** 63n, 10)).length, 0);
      assert.equal((await node.read(-1n, 10)).length, 0);
    }
  });

  it('finds no names that no file has', async () => {
    const root = await (await open(btrfsFixture('subvolumes'))).root();
    for (const name of ['', '.', '..', 'usr/lib', 'us\0r', 'usr ', 'x'.repeat(255), 'x'.repeat(256)]) {
      assert.equal(await root.lookup(Buffer.from(name)), undefined, JSON.stringify(name));
    }
  });

  it('shows an empty directory where an entry leads nowhere', async () => {
    const node = await nodeAt(await (await open(btrfsFixture('subvolumes'))).root(), 'snapshot/deeper');
    assert.equal(node.stat.inode, 2n);
    assert.equal(await node.lookup(Buffer.from('x')), undefined);
    for await (const { name } of node.entries()) assert.fail(name.toString());
    assert.equal((await node.xattrs()).size, 0);
    await failsWith(node.read(0n, 1), 'InvalidArgs', /inode 2 of 'foo.raw' is a directory, not a file/);
    await failsWith(node.readlink(), 'InvalidArgs', /is a directory, not a symlink/);
  });

  it('says when a node is not of the kind that is asked for', async () => {
    const root = await (await open(btrfsFixture('subvolumes'))).root();
    const file = await nodeAt(root, 'stored');
    await failsWith(root.read(0n, 1), 'InvalidArgs', /inode 256 of 'foo.raw' is a directory, not a file/);
    await failsWith(root.readlink(), 'InvalidArgs', /is a directory, not a symlink/);
    await failsWith(file.lookup(Buffer.from('x')), 'InvalidArgs', /is a file, not a directory/);
    await failsWith(
      file.entries()[Symbol.asyncIterator]().next(),
      'InvalidArgs',
      /is a file, not a directory/,
    );
  });

  it('reads the blocks that it needs, and no others', async () => {
    const bytes = btrfsFixture('subvolumes');
    const source = memorySource(bytes, 'foo.raw');
    const budget = new Budget('foo.raw');
    const tree = await openBtrfs(source, budget);
    const release = await readFile(tree, '/etc/os-release', 1000, budget);
    assert.match(release?.toString() ?? '', /^ID=sample\n/);
    // of blocks of 4096: superblock, chunk tree, root tree, a node and some leaves of the subvolume
    assert.ok(source.bytesRead <= 12 * 4096, `${source.bytesRead} bytes`);
    assert.ok(source.bytesRead < bytes.length / 100);
  });
});

describe('images of mkfs.btrfs', () => {
  const rich = join(scratch, 'rich');
  const image = join(scratch, 'image');
  before(async () => {
    mkdirSync(rich);
    const small = { manyEntries: 60, depth: 5, largest: 70_000, owners: 5, xattrSets: 5 };
    await makeRichTree(rich, { ...small, privileged: false });
    rmSync(join(rich, 'links/target-4000')); // more than a tree block of 4096 bytes takes
  });

  const options: readonly (readonly string[])[] = [
    ['--csum', 'crc32c', '--mixed', '--shrink'],
    ['--csum', 'xxhash', '--nodesize', '16384'],
    ['--csum', 'sha256', '--nodesize', '32768'],
    ['--csum', 'blake2', '--nodesize', '65536', '--sectorsize', '16384'],
  ];
  for (const each of options) {
    it(`made with ${each.join(' ')}`, async () => {
      makeBtrfs(image, 160, [...each, '--rootdir', rich]);
      const ignore = ['inode', 'links'] as const;
      const found = await readingBtrfs(image, (tree) => compareWithKernel(tree, rich, { ignore }));
      // mkfs.btrfs does not copy the time of the root
      assert.deepEqual(
        found.filter((line) => !line.startsWith('"/": mtime')),
        [],
      );
    });
  }
});
