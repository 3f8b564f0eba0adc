/** Images on block devices: their size is not in stat(2), and their sectors may be of 4096 bytes. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Budget } from '../../src/disk/budget.ts';
import { openFileSource } from '../../src/disk/file-source.ts';
import { openImage } from '../../src/disk/open.ts';
import { readFile } from '../../src/disk/walk.ts';
import { packTree, writeAt, writeDisk } from '../support/disk-images.ts';
import { failsWith } from '../support/fails-with.ts';
import { types } from '../support/partition-tables.ts';
import { runSync, tryRunSync } from '../support/run.ts';
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

  it('with a master boot record counts in its own sectors', async () => {
    const file = join(scratch, 'mbr.raw');
    const size = 32 * 1024 * 1024;
    writeFileSync(file, '');
    truncateSync(file, size);
    const writable = runSync('losetup', ['--find', '--show', '--sector-size', '4096', file]).trim();
    try {
      const input = 'label: dos\nstart=256, size=1024, type=83, bootable\n';
      runSync('sfdisk', ['--quiet', '--no-tell-kernel', writable], { input });
    } finally {
      runSync('losetup', ['--detach', writable]);
    }
    writeAt(file, 256 * 4096, readFileSync(join(scratch, 'squashfs.img')));
    const device = attach(file, '--sector-size', '4096');
    const budget = new Budget(device);
    const image = await openImage({ path: device, type: 'block' }, budget);
    assert.deepEqual(image.table, { kind: 'mbr', sectorSize: 4096, uuid: undefined });
    assert.equal((await readFile(image.tree, '/usr/lib/os-release', 100, budget))?.toString(), 'ID=test\n');
    await image.close();
    // blkid finds the partition at the same place, in its units of 512
    const { offset, size: bytes } = image.parts[0]?.partition ?? assert.fail('no partition');
    const found = runSync('partx', ['--output', 'START,SECTORS', '--noheadings', device]).trim();
    assert.equal(found.replace(/ +/, ' '), `${offset / 512n} ${bytes / 512n}`);
    // the same bytes in a file are counted in 512
    const inFile = openImage({ path: file, type: 'raw' }, new Budget(file));
    await failsWith(inFile, 'InvalidArgs', /holds no file system that is known/);
  });

  it('that is a partition is read as one', async () => {
    const disk = attach(join(scratch, 'large.raw'), '--sector-size', '4096');
    tryRunSync('partx', ['--update', disk]); // which the kernel may have done already
    // nobody may be there to make its node in /dev
    const numbers = readFileSync(`/sys/class/block/${basename(disk)}p1/dev`, 'utf8')
      .trim()
      .split(':');
    const device = join(scratch, 'partition');
    runSync('mknod', [device, 'b', ...numbers]);
    const source = await openFileSource(device);
    assert.equal(source.sectorSize, 4096);
    await source.close();
    const budget = new Budget(device);
    const image = await openImage({ path: device, type: 'block' }, budget);
    assert.equal((await readFile(image.tree, '/usr/lib/os-release', 100, budget))?.toString(), 'ID=test\n');
    await image.close();
  });

  it('with a hash tree in a partition is checked', async () => {
    const device = attach(join(scratch, 'verity.raw'));
    const budget = new Budget(device);
    const image = await openImage({ path: device, type: 'block' }, budget);
    assert.equal(image.parts[0]?.protection, 'verity');
    assert.equal((await readFile(image.tree, '/usr/lib/os-release', 100, budget))?.toString(), 'ID=test\n');
    await image.close();
  });
});
