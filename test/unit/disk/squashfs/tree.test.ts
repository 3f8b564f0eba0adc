/** What the squashfs reader gives of an image equals the directory that the image was made of. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import { openFileSource } from '../../../../src/disk/file-source.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import { isSquashfs, openSquashfs } from '../../../../src/disk/squashfs/index.ts';
import type { TreeNode } from '../../../../src/disk/tree.ts';
import { readFile, resolve } from '../../../../src/disk/walk.ts';
import { differences, directoryFacts, treeFacts } from '../../../support/kernel-compare.ts';
import type { TreeFacts } from '../../../support/kernel-compare.ts';
import { Random } from '../../../support/random.ts';
import { makeRichTree } from '../../../support/rich-tree.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import { makeSquashfs, pseudoNodes, uncompressed } from '../../../support/squashfs-images.ts';

const scratch = scratchDirectory('squashfs');
const source = join(scratch, 'source');
let expected: TreeFacts;

before(async () => {
  mkdirSync(source);
  await makeRichTree(source, {
    privileged: false,
    manyEntries: 700,
    depth: 30,
    xattrSets: 550,
    largest: 270_000,
  });
  expected = await directoryFacts(source);
});

/** Caps out of the way: these trees are larger than what one inspection reads. */
const roomy = {
  ...defaultLimits,
  metadataBlocks: 1_000_000,
  directoryEntries: 1_000_000,
  wallTimeMs: 600_000,
};

const open = async (image: string) =>
  openSquashfs(memorySource(readFileSync(image), image), new Budget(image, roomy));

const variants: readonly (readonly string[])[] = [
  ['-comp', 'gzip'],
  ['-comp', 'xz'],
  ['-comp', 'xz', '-Xbcj', 'x86', '-b', '1M'],
  ['-comp', 'zstd'],
  ['-comp', 'lz4', '-b', '1M'],
  ['-comp', 'lzo', '-b', '4K'],
  ['-comp', 'lzma'],
  [...uncompressed, '-b', '4K'],
  ['-tailends'],
  ['-no-fragments', '-no-sparse'],
  ['-always-use-fragments', '-no-duplicates', '-no-exports', '-nopad'],
];

describe('a squashfs image and the directory it was made of', () => {
  for (const options of variants) {
    it(`are the same with mksquashfs ${options.join(' ')}`, async () => {
      const image = join(scratch, 'image');
      await makeSquashfs(source, image, options);
      const ours = await treeFacts(await open(image));
      // inode numbers are the image's own
      assert.deepEqual(differences(ours, expected, ['inode', 'links']), []);
    });
  }

  it('are the same without xattrs where the image has none', async () => {
    const image = join(scratch, 'image');
    await makeSquashfs(source, image, ['-no-xattrs']);
    assert.deepEqual(
      differences(await treeFacts(await open(image)), expected, ['inode', 'links', 'xattrs']),
      [],
    );
    const root = await (await open(image)).root();
    const directory = (await root.lookup(Buffer.from('xattrs')))!;
    assert.equal((await (await directory.lookup(Buffer.from('several')))!.xattrs()).size, 0);
  });
});

describe('the squashfs reader', () => {
  const image = join(scratch, 'nodes.squashfs');
  let root: TreeNode;
  const find = async (path: string): Promise<TreeNode> => {
    let node: TreeNode | undefined = root;
    for (const name of path.split('/')) node = await node!.lookup(Buffer.from(name));
    return node!;
  };

  before(async () => {
    await makeSquashfs(source, image, ['-b', '4K', ...pseudoNodes]);
    root = await (await open(image)).root();
  });

  it('knows devices', async () => {
    const facts = async (path: string) => {
      const { kind, mode, uid, gid, device } = (await find(path)).stat;
      return { kind, mode, uid, gid, device };
    };
    assert.deepEqual(await facts('null'), {
      kind: 'character',
      mode: 0o666,
      uid: 0,
      gid: 0,
      device: { major: 1, minor: 3 },
    });
    assert.deepEqual(await facts('large'), {
      kind: 'character',
      mode: 0o600,
      uid: 0,
      gid: 5,
      device: { major: 4095, minor: 1048575 },
    });
    assert.deepEqual(await facts('loop'), {
      kind: 'block',
      mode: 0o660,
      uid: 0,
      gid: 6,
      device: { major: 7, minor: 0 },
    });
  });

  it('counts the links of files', async () => {
    const file = await find('links/hard-1');
    assert.equal(file.stat.links, 3);
    assert.equal((await find('links/sub/hard-3')).stat.inode, file.stat.inode);
    assert.equal((await find('links/relative')).stat.links, 1);
  });

  it('finds no name that is not there, whichever its place in the order', async () => {
    for (const path of ['many', 'names', 'etc', 'modes']) {
      const directory = await find(path);
      const names: Buffer[] = [];
      for await (const { name } of directory.entries()) names.push(name);
      for (const name of names.slice(0, 200)) {
        for (const other of [
          Buffer.concat([name, Buffer.of(1)]),
          name.subarray(0, -1),
          Buffer.concat([name.subarray(0, -1), Buffer.of((name.at(-1)! + 1) & 0xff)]),
        ]) {
          const isThere = names.some((known) => known.equals(other));
          assert.equal((await directory.lookup(other)) !== undefined, isThere, other.toString('latin1'));
        }
      }
      for (const other of ['', '.', '..', '/', '\0', '\xff'.repeat(255), 'x'.repeat(300)]) {
        assert.equal(await directory.lookup(Buffer.from(other, 'latin1')), undefined);
      }
    }
  });

  it('reads any part of a file, in any order, also several at once', async () => {
    const random = new Random(9);
    for (const name of ['text-131073', 'random-131073', 'random-8193', 'zeros', 'duplicate-2', 'text-4096']) {
      const content = readFileSync(join(source, 'sizes', name));
      const node = await find(`sizes/${name}`);
      const parts = Array.from({ length: 40 }, () => {
        const offset = random.below(content.length + 10);
        return { offset, length: random.below(random.below(2) === 0 ? 100 : 300_000) };
      });
      await Promise.all(
        parts.map(async ({ offset, length }) => {
          const bytes = await node.read(BigInt(offset), length);
          assert.ok(
            bytes.equals(content.subarray(offset, offset + length)),
            `${name}: ${length} at ${offset}`,
          );
        }),
      );
      assert.equal((await node.read(BigInt(content.length), 10)).length, 0);
      assert.equal((await node.read(2n ** 63n, 10)).length, 0);
    }
  });

  it('gives buffers that are the caller’s own', async () => {
    const node = await find('sizes/text-1000');
    (await node.read(0n, 1000)).fill(0);
    assert.ok((await node.read(0n, 1000)).equals(readFileSync(join(source, 'sizes/text-1000'))));
    const link = await find('links/absolute');
    (await link.readlink()).fill(0);
    assert.equal((await link.readlink()).toString(), '/absolute/target');
    for await (const { name } of root.entries()) name.fill(0);
    assert.notEqual(await root.lookup(Buffer.from('etc')), undefined);
  });

  it('says what a node is when it is asked for something else', async () => {
    const file = await find('sizes/text-1000');
    const link = await find('links/absolute');
    const message = (kind: string, not: string) => ({
      code: 'InvalidArgs',
      message: new RegExp(`^inode \\d+ of '.*nodes.squashfs' is a ${kind}, not a ${not}$`),
    });
    await assert.rejects(file.lookup(Buffer.from('x')), message('file', 'directory'));
    await assert.rejects(file.readlink(), message('file', 'symlink'));
    await assert.rejects(root.read(0n, 1), message('directory', 'file'));
    await assert.rejects(link.read(0n, 1), message('symlink', 'file'));
    await assert.rejects(
      async () => {
        for await (const { name } of link.entries()) assert.fail(name.toString());
      },
      message('symlink', 'directory'),
    );
  });

  it('recognises its images, and nothing else', async () => {
    assert.equal(await isSquashfs(memorySource(readFileSync(image))), true);
    assert.equal(await isSquashfs(memorySource(Buffer.from('sqsh'))), true);
    for (const bytes of [Buffer.alloc(0), Buffer.from('hsq'), Buffer.alloc(4096), Buffer.from('sqfs')]) {
      assert.equal(await isSquashfs(memorySource(bytes)), false);
    }
  });
});

describe('what reading a squashfs costs', () => {
  it('does not depend on the size of the image', async () => {
    const directory = join(scratch, 'large');
    mkdirSync(join(directory, 'usr/lib'), { recursive: true });
    writeFileSync(join(directory, 'usr/lib/os-release'), 'ID=large\n');
    const random = new Random(2);
    const chunk = random.bytes(1 << 20);
    for (let i = 0; i < 48; i++) {
      chunk.writeUInt32LE(i, 0);
      writeFileSync(join(directory, `random-${i}`), chunk);
    }
    const image = join(scratch, 'large.squashfs');
    await makeSquashfs(directory, image, ['-noD']);
    const file = await openFileSource(image);
    const budget = new Budget(image);
    const tree = await openSquashfs(file, budget);
    assert.equal((await readFile(tree, '/usr/lib/os-release', 1000, budget))!.toString(), 'ID=large\n');
    assert.ok(file.size > 48n * 1024n * 1024n);
    assert.ok(file.bytesRead <= 4 * 64 * 1024, `${file.bytesRead} bytes were read`);
    await file.close();
  });

  it('is a few metadata blocks for a name in a directory of thousands', async () => {
    const image = join(scratch, 'index.squashfs');
    await makeSquashfs(source, image, ['-all-root']);
    const budget = new Budget(image, { ...defaultLimits, metadataBlocks: 8 });
    const tree = await openSquashfs(memorySource(readFileSync(image)), budget);
    const found = await resolve(tree, `/many/entry-000699${'x'.repeat(699 % 40)}`, budget, {
      follow: false,
    });
    assert.equal(found?.node.stat.kind, 'file');
  });

  it('stays in memory bounds', async () => {
    const image = join(scratch, 'blocks.squashfs');
    writeFileSync(join(source, 'big'), new Random(4).text(3 << 20));
    await makeSquashfs(source, image, ['-b', '1M', '-comp', 'xz']);
    const code = `
      const { readFileSync } = await import('node:fs');
      const { openFileSource } = await import('./src/disk/file-source.ts');
      const { openSquashfs } = await import('./src/disk/squashfs/index.ts');
      const { Budget } = await import('./src/disk/budget.ts');
      const { readFile } = await import('./src/disk/walk.ts');
      await import('./src/disk/codec/lzma/xz.ts');
      const before = process.memoryUsage().rss;
      const budget = new Budget('image');
      const tree = await openSquashfs(await openFileSource(${JSON.stringify(image)}), budget);
      for (let i = 0; i < 20; i++) {
        await readFile(tree, '/usr/lib/systemd/system/rich-' + i + '.service', 1 << 20, budget);
      }
      await readFile(tree, '/big', 4 << 20, budget);
      console.log(process.memoryUsage().rss - before);
    `;
    const args = ['--import', 'tsx', '--input-type=module', '-e', code];
    const grown = Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    assert.ok(grown < 32 * 1024 * 1024, `${(grown / 1048576).toFixed(1)} MiB`);
  });
});
