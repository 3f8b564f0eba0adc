/** A hostile btrfs ends within its budget, whatever it makes us do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import { openBtrfs } from '../../../../src/disk/btrfs/index.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import type { FileTree, TreeNode } from '../../../../src/disk/tree.ts';
import { repairChecksums } from '../../../support/btrfs-edit.ts';
import { btrfsFixture } from '../../../support/btrfs-fixtures.ts';
import { failsWith } from '../../../support/fails-with.ts';
import { open, set64, stored } from './cases.ts';

describe('the limits on reading btrfs', () => {
  const nodeAt = async (tree: FileTree, name: string): Promise<TreeNode> =>
    (await (await tree.root()).lookup(Buffer.from(name))) ?? assert.fail(`no ${name}`);
  const names = async (node: TreeNode): Promise<void> => {
    for await (const { name } of node.entries()) assert.ok(name.length > 0);
  };

  it('directory entries', async () => {
    const tree = await open(btrfsFixture('subvolumes'), { directoryEntries: 20 });
    await failsWith(names(await nodeAt(tree, 'many')), 'LimitsExceeded', /more than 20 directory entries/);
  });

  it('metadata blocks', async () => {
    const opening = open(btrfsFixture('subvolumes'), { metadataBlocks: 2 });
    await failsWith(opening, 'LimitsExceeded', /more than 2 metadata blocks/);
  });

  it('time', async () => {
    let now = 0;
    const budget = new Budget('foo.raw', { ...defaultLimits, wallTimeMs: 100 }, () => now);
    const tree = await openBtrfs(memorySource(btrfsFixture('subvolumes')), budget);
    const many = await nodeAt(tree, 'many');
    now = 101;
    await failsWith(names(many), 'LimitsExceeded', /longer than 100 ms/);
    await failsWith(many.lookup(Buffer.from('absent')), 'LimitsExceeded', /longer than 100 ms/);
  });

  it('what a compressed extent expands to', async () => {
    const tree = await open(btrfsFixture('compressed'), { blockBytes: 65_536 });
    const file = (await (await nodeAt(tree, 'zlib')).lookup(Buffer.from('repeats')))!;
    await failsWith(file.read(0n, 10), 'LimitsExceeded', /a compressed extent of 131072 bytes of content/);
  });

  it('what one read may ask for', async () => {
    const bytes = btrfsFixture('subvolumes');
    set64(bytes, stored(bytes, 1).dataAt + 16, 2n ** 60n);
    repairChecksums(bytes);
    const file = await nodeAt(await open(bytes), 'stored');
    assert.equal(file.stat.size, 2n ** 60n);
    await failsWith(file.read(0n, 2 ** 31), 'LimitsExceeded', /2147483648 bytes of a file asked for at once/);
    // a hole as large as can be costs nothing
    assert.ok((await file.read(2n ** 59n, 100_000)).equals(Buffer.alloc(100_000)));
  });
});
