/** The reader gives what the fixtures were made of. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Budget } from '../../../../src/disk/budget.ts';
import { openImage } from '../../../../src/disk/open.ts';
import { memorySource, sliceSource } from '../../../../src/disk/source.ts';
import { readFile } from '../../../../src/disk/walk.ts';
import { nameHash } from '../../../../src/disk/xfs/hash.ts';
import { openXfs } from '../../../../src/disk/xfs/index.ts';
import { failsWith } from '../../../support/fails-with.ts';
import { treeFacts } from '../../../support/kernel-compare.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import { nodeAt, readAll } from '../../../support/tree-nodes.ts';
import { makeHashTree } from '../../../support/verity.ts';
import { makeXfs, packXfsTree, withoutKinds } from '../../../support/xfs-image.ts';
import {
  type XfsFixture,
  xfsFixture,
  xfsFixtures,
  xfsSampleFiles,
  xfsSampleXattrs,
} from '../../../support/xfs-sample.ts';
import { open } from './sample.ts';

const scratch = scratchDirectory('xfs-reader');

for (const [name, blockSize] of Object.entries(xfsFixtures) as [XfsFixture, number][]) {
  describe(name, () => {
    const bytes = xfsFixture(name);

    it('has the files that it was made of', async () => {
      const tree = await open(bytes);
      assert.equal(tree.type, 'xfs');
      const facts = await treeFacts(tree);
      for (const [path, file] of xfsSampleFiles(blockSize)) {
        const node = await nodeAt(tree, path);
        if (Buffer.isBuffer(file)) assert.deepEqual(await readAll(node), file, path);
        else assert.equal((await node.readlink()).toString(), file.link, path);
        assert.ok(facts.has(Buffer.from(path).toString('latin1')), path);
      }
      assert.deepEqual((await nodeAt(tree, 'null')).stat.device, { major: 1, minor: 3 });
      assert.equal((await nodeAt(tree, 'fifo')).stat.kind, 'fifo');
      assert.equal((await nodeAt(tree, 'tiny')).stat.mtime, 1_700_000_000n);
      const reserved = await readAll(await nodeAt(tree, 'reserved'));
      assert.equal(reserved.length, 65536);
      assert.deepEqual(
        [...reserved.entries()].filter(([, byte]) => byte !== 0).map(([at]) => at),
        range(20_000, 100),
      );
    });

    it('has their attributes, and nothing of where they are', async () => {
      const tree = await open(bytes);
      for (const file of ['short', 'leaf', 'node'] as const) {
        const found = await (await nodeAt(tree, `xattrs/${file}`)).xattrs();
        assert.deepEqual(new Map([...found].sort()), new Map([...xfsSampleXattrs(file)].sort()), file);
      }
      const acl = await (await nodeAt(tree, 'xattrs/acl')).xattrs();
      const shown = '02000000' + '01000600ffffffff' + '02000400e8030000' + '04000400ffffffff';
      assert.equal(
        acl.get('system.posix_acl_access')?.toString('hex'),
        `${shown}10000400ffffffff20000400ffffffff`,
      );
      assert.deepEqual([...acl.keys()].sort(), ['system.posix_acl_access', 'trusted.SGI_ACL_FILE']);
      assert.equal((await (await nodeAt(tree, 'tiny')).xattrs()).size, 0);
    });

    it('has nothing else', async () => {
      for (const path of ['short', 'block', 'leaf', ...(blockSize === 1024 ? ['node'] : [])]) {
        const node = await nodeAt(await open(bytes), path);
        for (const absent of ['.', '..', '', 'a/b', 'absent', 'x'.repeat(300)]) {
          assert.equal(await node.lookup(Buffer.from(absent)), undefined, `${path}/${absent}`);
        }
      }
    });

    it('is read where it is needed, and nowhere else', async () => {
      const source = memorySource(bytes, 'sample.raw');
      const tree = await openXfs(source, new Budget('sample.raw'));
      assert.notEqual(await readFile(tree, '/etc/os-release', 1000, new Budget('sample.raw')), undefined);
      assert.ok(source.bytesRead < 12 * blockSize, `${source.bytesRead} bytes`);
    });
  });
}

function range(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + i);
}

it('reads what mkfs.xfs makes of a prototype, and is not disturbed by what follows', async () => {
  const image = join(scratch, 'prototype.raw');
  const list = join(scratch, 'prototype');
  writeFileSync(join(scratch, 'content'), 'from a prototype');
  const many = range(0, 200).map((i) => `entry-number-${i} ---644 0 0 ${join(scratch, 'content')}`);
  const lines = ['/', '0 0', 'd--755 0 0', 'many d--750 3 4', ...many, '$', 'null b--600 0 0 8 300', '$', ''];
  writeFileSync(list, lines.join('\n'));
  makeXfs(image, 32, ['-p', list]);
  const bytes = Buffer.concat([Buffer.alloc(100_000, 0xff), readFileSync(image), Buffer.alloc(5000, 0xff)]);
  const whole = memorySource(bytes, 'disk.raw');
  const source = sliceSource(whole, 100_000n, BigInt(bytes.length - 100_000), 'partition 1');
  const tree = await openXfs(source, new Budget('disk.raw'));
  const facts = await treeFacts(tree);
  assert.equal(facts.size, 203);
  assert.equal((await readAll(await nodeAt(tree, 'many/entry-number-77'))).toString(), 'from a prototype');
  assert.deepEqual(facts.get('many')?.owner, '3:4');
  assert.deepEqual(facts.get('null')?.device, '8:300');
});

it('reads directories that do not have the kinds of their entries', async () => {
  const from = join(scratch, 'kinds');
  mkdirSync(join(from, 'many'), { recursive: true });
  mkdirSync(join(from, 'few/below'), { recursive: true });
  symlinkSync('many', join(from, 'few/a-link'));
  for (let i = 100; i < 140; i++) writeFileSync(join(from, `many/file-${i}`), `${i}`);
  const image = join(scratch, 'kinds.raw');
  packXfsTree(from, image);
  const bytes = readFileSync(image);
  const [before, after] = [
    await treeFacts(await open(bytes)),
    await treeFacts(await open(withoutKinds(bytes))),
  ];
  assert.equal(before.size, 45);
  assert.deepEqual(after, before);
});

it('needs neither the device of an external log nor one for realtime files', async () => {
  const from = join(scratch, 'apart');
  mkdirSync(from);
  writeFileSync(join(from, 'file'), 'here');
  const image = join(scratch, 'apart.raw');
  const [log, realtime] = [join(scratch, 'log'), join(scratch, 'realtime')];
  for (const device of [log, realtime]) {
    writeFileSync(device, '');
    truncateSync(device, 32 << 20);
  }
  packXfsTree(from, image, ['-l', `logdev=${log},size=16m`, '-r', `rtdev=${realtime}`]);
  const tree = await open(readFileSync(image));
  assert.equal((await readAll(await nodeAt(tree, 'file'))).toString(), 'here');
});

it('hashes names as xfs_db(8) does', () => {
  for (const name of ['a', 'ab', 'os-release', 'n'.repeat(255)]) {
    assert.equal(`0x${nameHash(Buffer.from(name)).toString(16)}`, hashByXfsDb(name));
  }
});

function hashByXfsDb(name: string): string {
  const image = join(scratch, 'prototype.raw');
  return execFileSync('xfs_db', ['-r', '-c', `hash ${name}`, image], { encoding: 'utf8' }).trim();
}

it('is read through a hash tree, where there is one, and a changed block is named', async () => {
  const image = join(scratch, 'foo.raw');
  const bytes = xfsFixture('blocks-4096');
  writeFileSync(image, bytes);
  writeFileSync(join(scratch, 'foo.roothash'), makeHashTree(image, join(scratch, 'foo.verity')));
  const read = async (): Promise<string | undefined> => {
    const budget = new Budget(image);
    const opened = await openImage({ path: image, type: 'raw' }, budget);
    try {
      assert.equal(opened.parts[0]?.protection, 'verity');
      assert.equal(opened.tree.type, 'xfs');
      return (await readFile(opened.tree, '/usr/lib/os-release', 1000, budget))?.toString();
    } finally {
      await opened.close();
    }
  };
  assert.match((await read()) ?? '', /^ID=sample\n/);
  const at = bytes.indexOf('ID=sample');
  bytes.write('ID=simple', at);
  writeFileSync(image, bytes);
  await failsWith(read(), 'InvalidArgs', new RegExp(`block ${Math.floor(at / 4096)} .*does not match`));
});
