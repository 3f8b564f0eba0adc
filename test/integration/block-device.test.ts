/** Images on block devices: their size is not in stat(2), and their sectors may be of 4096 bytes. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Budget } from '../../src/disk/budget.ts';
import { openFileSource } from '../../src/disk/file-source.ts';
import { openImage } from '../../src/disk/open.ts';
import { readFile } from '../../src/disk/walk.ts';
import { packTree, writeDisk } from '../support/disk-images.ts';
import { types } from '../support/partition-tables.ts';
import { runSync } from '../support/run.ts';
import { openDescriptors, scratchDirectory } from '../support/scratch.ts';
import { makeHashTree, writeVerityDisk } from '../support/verity.ts';

describe('a block device', () => {
  const scratch = scratchDirectory('block');
  const devices: string[] = [];

  function attach(file: string, ...options: readonly string[]): string {
    const device = runSync('losetup', ['--find', '--show', '--read-only', ...options, file]).trim();
    devices.push(device);
    return device;
  }

  before(() => {
    const tree = join(scratch, 'tree');
    mkdirSync(join(tree, 'usr/lib'), { recursive: true });
    writeFileSync(join(tree, 'usr/lib/os-release'), 'ID=test\n');
    const { squashfs, ext4 } = packTree(tree, scratch);
    const hashTree = join(scratch, 'hash-tree');
    const rootHash = makeHashTree(squashfs, hashTree);
    writeVerityDisk(join(scratch, 'verity.raw'), { data: squashfs, tree: hashTree, rootHash });
    writeDisk(join(scratch, 'small.raw'), { label: 'gpt', parts: [{ type: types.root, content: ext4 }] });
    writeDisk(join(scratch, 'large.raw'), {
      label: 'gpt',
      sectorSize: 4096,
      parts: [{ type: types.root, content: squashfs }],
    });
  });

  after(() => {
    for (const device of devices) runSync('losetup', ['--detach', device]);
  });

  for (const [name, sectorSize] of [
    ['small', 512],
    ['large', 4096],
  ] as const) {
    it(`with sectors of ${sectorSize} bytes is read as the image it holds`, async () => {
      const device = attach(join(scratch, `${name}.raw`), '--sector-size', String(sectorSize));
      const descriptors = openDescriptors();
      const budget = new Budget(device);
      const image = await openImage({ path: device, type: 'block' }, budget);
      assert.equal(image.table?.sectorSize, sectorSize);
      assert.equal((await readFile(image.tree, '/usr/lib/os-release', 100, budget))?.toString(), 'ID=test\n');
      await image.close();
      const source = await openFileSource(device);
      assert.equal(source.kind, 'block');
      assert.equal(source.size, 32n * 1024n * 1024n);
      await source.close();
      assert.equal(openDescriptors(), descriptors);
    });
  }

  it('with a hash tree in a partition is checked', async () => {
    const device = attach(join(scratch, 'verity.raw'));
    const budget = new Budget(device);
    const image = await openImage({ path: device, type: 'block' }, budget);
    assert.equal(image.parts[0]?.protection, 'verity');
    assert.equal((await readFile(image.tree, '/usr/lib/os-release', 100, budget))?.toString(), 'ID=test\n');
    await image.close();
  });
});
