import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Budget } from '../../../src/disk/budget.ts';
import { formatPolicy } from '../../../src/disk/image-policy.ts';
import { openImage } from '../../../src/disk/open.ts';
import { listDirectory, readFile } from '../../../src/disk/walk.ts';
import { packTree, writeBadImages, writeGoodImages } from '../../support/disk-images.ts';
import { refused } from '../../support/refused.ts';
import { openDescriptors, scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('raw', '/dev/shm');
const file = (name: string): string => join(scratch, `${name}.raw`);

const open = (name: string): ReturnType<typeof openImage> =>
  openImage({ path: file(name), type: 'raw' }, new Budget(name), { architecture: 'x86-64' });

/** Name → the partitions in use and the policy; each accepted by systemd 257 and 262 (test/host/dissect.test.ts). */
const expected: Readonly<Record<string, readonly [parts: string, policy: string]>> = {
  squashfs: ['root', 'root=squashfs:=absent'],
  erofs: ['root', 'root=erofs:=absent'],
  ext4: ['root', 'root=ext4:=absent'],
  'ext4-with-mbr': ['root', 'root=ext4:=absent'],
  'gpt-root': ['root 1', 'root=read-only-off+growfs-off+squashfs:=absent'],
  'gpt-backup': ['root 1', 'root=read-only-off+growfs-off+squashfs:=absent'],
  'gpt-4096': ['root 1', 'root=read-only-off+growfs-off+squashfs:=absent'],
  'gpt-erofs': ['root 1', 'root=read-only-on+growfs-off+erofs:=absent'],
  'gpt-ext4': ['root 1', 'root=read-only-off+growfs-off+ext4:=absent'],
  'gpt-ext4-read-only': ['root 1', 'root=read-only-on+growfs-off+ext4:=absent'],
  'gpt-ext4-grow': ['root 1', 'root=read-only-off+growfs-on+ext4:=absent'],
  'gpt-ext4-both': ['root 1', 'root=read-only-on+growfs-on+ext4:=absent'],
  'gpt-usr': ['usr 1', 'usr=read-only-on+growfs-off+squashfs:=absent'],
  'gpt-root-usr': [
    'root 2, usr 1',
    'root=read-only-off+growfs-off+squashfs:usr=read-only-off+growfs-off+squashfs:=absent',
  ],
  'gpt-usr-generic': ['usr 2', 'usr=read-only-off+growfs-off+squashfs:=absent'],
  'gpt-generic': ['root 1', 'root=read-only-off+growfs-off+squashfs:=absent'],
  'gpt-generic-hidden': ['root 2', 'root=read-only-off+growfs-off+ext4:=absent'],
  'gpt-x86': ['root 1', 'root=read-only-off+growfs-off+squashfs:=absent'],
  'gpt-arm-generic': ['root 1', 'root=read-only-off+growfs-off+squashfs:=absent'],
  'gpt-foreign': ['root 2', 'root=read-only-off+growfs-off+squashfs:=absent'],
  'gpt-native': ['root 2', 'root=read-only-off+growfs-off+squashfs:=absent'],
  'gpt-versions': ['root 2', 'root=read-only-off+growfs-off+erofs:=absent'],
  'gpt-labels': ['root 1', 'root=read-only-off+growfs-off+squashfs:=absent'],
  'gpt-many': [
    'root 1, home 2, srv 4, swap 5',
    'root=read-only-off+growfs-off+squashfs:home=read-only-off+growfs-off+ext4:srv=read-only-off+growfs-off+erofs:swap=read-only-off+growfs-off:=absent',
  ],
  'mbr-root': ['root 1', 'root=read-only-off+growfs-off+squashfs:=absent'],
  'mbr-second': ['root 2', 'root=read-only-off+growfs-off+ext4:=absent'],
};

describe('a raw image', () => {
  let good: readonly string[] = [];
  let bad: readonly string[] = [];

  before(() => {
    const tree = join(scratch, 'tree');
    for (const name of ['etc', 'home', 'srv', 'usr/lib/systemd/system'])
      mkdirSync(join(tree, name), { recursive: true });
    writeFileSync(join(tree, 'usr/lib/os-release'), 'ID=test\n');
    symlinkSync('../usr/lib/os-release', join(tree, 'etc/os-release'));
    writeFileSync(join(tree, 'usr/lib/systemd/system/test.service'), '[Service]\nExecStart=/bin/true\n');
    const contents = packTree(tree, scratch);
    good = writeGoodImages(scratch, contents);
    bad = writeBadImages(scratch, contents);
  });

  it('is opened, whatever it is wrapped in', async () => {
    assert.deepEqual([...good].sort(), Object.keys(expected).sort());
    const descriptors = openDescriptors();
    for (const name of good) {
      const budget = new Budget(name);
      const image = await open(name);
      const parts = image.parts.map(({ designator, partition }) => {
        return partition === undefined ? designator : `${designator} ${partition.number}`;
      });
      assert.deepEqual([parts.join(', '), formatPolicy(image.policy!, 262)], expected[name], name);
      assert.equal(
        (await readFile(image.tree, '/usr/lib/os-release', 100, budget))?.toString(),
        'ID=test\n',
        name,
      );
      const units = await listDirectory(image.tree, '/usr/lib/systemd/system', budget);
      assert.deepEqual(
        units?.map((entry) => entry.name.toString()),
        ['test.service'],
        name,
      );
      if (parts.includes('root')) {
        assert.equal(
          (await readFile(image.tree, '/etc/os-release', 100, budget))?.toString(),
          'ID=test\n',
          name,
        );
      }
      // what is mounted on the root's own directories, which are empty
      if (name === 'gpt-many')
        assert.ok((await readFile(image.tree, '/home/usr/lib/os-release', 100, budget)) !== undefined);
      if (name === 'gpt-many')
        assert.ok((await readFile(image.tree, '/srv/usr/lib/os-release', 100, budget)) !== undefined);
      assert.ok(
        image.bytesRead > 0 && image.bytesRead < 3 * 1024 * 1024,
        `${name}: ${image.bytesRead} bytes read`,
      );
      await image.close();
    }
    assert.equal(openDescriptors(), descriptors);
  });

  it('is refused, naming the file, when systemd refuses it', async () => {
    const descriptors = openDescriptors();
    assert.ok(bad.length > 15);
    for (const name of bad)
      await assert.rejects(open(name), refused('InvalidArgs', new RegExp(`/${name}\\.raw`)), name);
    assert.equal(openDescriptors(), descriptors);
  });
});
