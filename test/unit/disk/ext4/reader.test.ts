import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { isExt, openExt } from '../../../../src/disk/ext4/index.ts';
import { Budget } from '../../../../src/disk/budget.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import { debugfs, fsck } from '../../../support/ext-image.ts';
import {
  type SampleOptions,
  sampleAcl,
  sampleFiles,
  sampleLargeValue,
  sampleOsRelease,
} from '../../../support/ext-sample.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import { ask, changed, names, nodeAt, open, readAll, sampleBytes, scratchFile } from './sample.ts';

const scratch = scratchDirectory('ext4-reader');

const kinds: Readonly<Record<string, SampleOptions & { readonly found: string }>> = {
  'ext2, 1 KiB': { found: 'ext2', type: 'ext2', size: '2M', blockSize: 1024, inodeSize: 128 },
  'ext3, 4 KiB, indexed': { found: 'ext3', type: 'ext3', size: '8M', many: 400, indexed: true },
  'ext4, 1 KiB, indexed': { found: 'ext4', size: '8M', blockSize: 1024, many: 400, indexed: true },
  'ext4, 64 KiB': { found: 'ext4', size: '40M', blockSize: 65536 },
  'ext4, inline_data, ea_inode': { found: 'ext4', size: '8M', features: 'inline_data,ea_inode' },
  'ext4, bigalloc, meta_bg': {
    found: 'ext4',
    size: '16M',
    blockSize: 1024,
    features: 'bigalloc,meta_bg,^resize_inode',
  },
  'ext4, ^extent': { found: 'ext4', size: '8M', features: '^extent,^64bit' },
  'ext4, ^filetype': { found: 'ext4', size: '8M', features: '^filetype' },
  'ext4, ^metadata_csum, uninit_bg': { found: 'ext4', size: '8M', features: '^metadata_csum,uninit_bg' },
};

describe('an ext file system', () => {
  for (const [name, { found, ...options }] of Object.entries(kinds)) {
    describe(name, () => {
      const file = scratchFile(scratch, name);
      const made = sampleBytes(file, options);

      it('is recognised, with its type', async () => {
        const bytes = await made;
        assert.equal(await isExt(memorySource(bytes)), true);
        assert.equal((await open(bytes)).type, found);
      });

      it('gives every file, whole and in parts, and every link', async () => {
        const tree = await open(await made);
        for (const [path, content] of sampleFiles(options.blockSize ?? 4096, options.many)) {
          const node = await nodeAt(tree, path);
          if (!Buffer.isBuffer(content)) {
            assert.equal((await node.readlink()).toString(), content.link);
            assert.equal(node.stat.size, BigInt(content.link.length));
            continue;
          }
          assert.equal(node.stat.size, BigInt(content.length), path);
          assert.ok((await readAll(node)).equals(content), path);
          const [from, to] = [Math.floor(content.length / 3), Math.ceil((content.length * 2) / 3)];
          assert.ok((await node.read(BigInt(from), to - from)).equals(content.subarray(from, to)), path);
          assert.ok((await node.read(BigInt(from), content.length)).equals(content.subarray(from)), path);
          assert.equal((await node.read(BigInt(content.length), 10)).length, 0);
        }
      });

      it('lists directories', async () => {
        const tree = await open(await made);
        const paths = [...sampleFiles(options.blockSize ?? 4096, options.many).keys()];
        const many = paths
          .filter((path) => path.startsWith('many/'))
          .map((path) => path.slice('many/'.length));
        assert.deepEqual(await names(await nodeAt(tree, 'many')), many.sort());
        assert.deepEqual(await names(await nodeAt(tree, 'empty')), []);
        const top = new Set(paths.map((path) => path.split('/')[0] ?? ''));
        const more = ['empty', 'fifo', 'hard-link', 'loop', 'lost+found', 'null'];
        assert.deepEqual(await names(await tree.root()), [...top, ...more].sort());
      });

      it('knows the other kinds of files', async () => {
        const tree = await open(await made);
        assert.equal((await nodeAt(tree, 'fifo')).stat.kind, 'fifo');
        const character = (await nodeAt(tree, 'null')).stat;
        assert.deepEqual([character.kind, character.device], ['character', { major: 1, minor: 3 }]);
        const block = (await nodeAt(tree, 'loop')).stat;
        assert.deepEqual([block.kind, block.device], ['block', { major: 7, minor: 300 }]);
        const kindsOfEntries = new Map<string, string>();
        for await (const entry of (await tree.root()).entries()) {
          kindsOfEntries.set(entry.name.toString(), entry.kind);
        }
        for (const [entry, kind] of [
          ['fifo', 'fifo'],
          ['null', 'character'],
          ['loop', 'block'],
          ['etc', 'directory'],
          ['tiny', 'file'],
          ['slow-link', 'symlink'],
        ]) {
          assert.equal(kindsOfEntries.get(entry ?? ''), kind);
        }
        const links = [await nodeAt(tree, 'two-blocks'), await nodeAt(tree, 'hard-link')];
        assert.deepEqual(links[0]?.stat, links[1]?.stat);
        assert.equal(links[0]?.stat.links, 2);
      });

      it('gives attributes by their full names, access control lists as getxattr(2) does', async () => {
        const xattrs = await (await nodeAt(await open(await made), 'with-xattrs')).xattrs();
        assert.deepEqual(
          Object.fromEntries([...xattrs].map(([key, value]) => [key, value.toString('latin1')])),
          {
            'user.small': 'tiny',
            'user.large': sampleLargeValue(options).toString('latin1'),
            'security.test': 'label',
            'trusted.test': 'hidden',
            'system.posix_acl_access': sampleAcl.toString('latin1'),
          },
        );
        assert.equal((await (await nodeAt(await open(await made), 'tiny')).xattrs()).size, 0);
      });

      it('does not find what no entry is called', async () => {
        const root = await (await open(await made)).root();
        const absent = [
          '.',
          '..',
          '',
          'etc/os-release',
          'ETC',
          'et',
          'etcx',
          'x'.repeat(255),
          'x'.repeat(300),
          'etc\0',
        ];
        for (const each of absent) assert.equal(await root.lookup(Buffer.from(each)), undefined, each);
        const many = await nodeAt(await open(await made), 'many');
        for (let i = 0; i < 300; i++) assert.equal(await many.lookup(Buffer.from(`absent-${i}`)), undefined);
      });
    });
  }
});

describe('the tree of an ext file system', () => {
  const file = scratchFile(scratch, 'tree');
  const made = sampleBytes(file, { size: '8M', features: 'casefold,encrypt,verity' });

  it('says which operation does not fit which kind', async () => {
    const tree = await open(await made);
    const [directory, plain, link] = [
      await nodeAt(tree, 'etc'),
      await nodeAt(tree, 'tiny'),
      await nodeAt(tree, 'fast-link'),
    ];
    const refusal = (kind: string, wanted: string) => ({
      code: 'InvalidArgs',
      message: new RegExp(`inode \\d+ of 'sample.raw' is a ${kind}, not a ${wanted}`),
    });
    await assert.rejects(directory.read(0n, 1), refusal('directory', 'file'));
    await assert.rejects(directory.readlink(), refusal('directory', 'symlink'));
    await assert.rejects(plain.lookup(Buffer.from('x')), refusal('file', 'directory'));
    await assert.rejects(names(plain), refusal('file', 'directory'));
    await assert.rejects(link.read(0n, 1), refusal('symlink', 'file'));
  });

  it('reads little to find one file', async () => {
    const source = memorySource(await made);
    const tree = await openExt(source, new Budget('sample'));
    assert.equal((await readAll(await nodeAt(tree, 'usr/lib/os-release'))).toString(), sampleOsRelease);
    assert.ok(source.bytesRead <= 40 * 1024, `${source.bytesRead} bytes`);
  });

  it('hands out bytes that are the caller’s own', async () => {
    const tree = await open(await made);
    const node = await nodeAt(tree, 'with-xattrs');
    for (const value of (await node.xattrs()).values()) value.fill(0);
    (await readAll(node)).fill(0);
    (await (await nodeAt(tree, 'fast-link')).readlink()).fill(0);
    for await (const entry of (await tree.root()).entries()) entry.name.fill(0);
    assert.equal((await readAll(await nodeAt(tree, 'with-xattrs'))).toString(), 'attributes');
    assert.equal((await (await nodeAt(tree, 'with-xattrs')).xattrs()).get('user.small')?.toString(), 'tiny');
    assert.equal((await (await nodeAt(tree, 'fast-link')).readlink()).toString(), 'f'.repeat(59));
  });

  it('finds names exactly as they are in casefolded directories, indexed or not', async () => {
    const folded = scratchFile(scratch, 'casefold');
    await sampleBytes(folded, { size: '8M', blockSize: 1024, many: 400, features: 'casefold' });
    await debugfs(folded, ['set_inode_field many flags 0x40080000']);
    await fsck(folded, '-D');
    assert.match(ask(folded, 'stat many'), /Flags: 0x40081000/, 'casefolded and indexed');
    const tree = await open(readFileSync(folded));
    const many = await nodeAt(tree, 'many');
    for (const name of await names(many)) assert.notEqual(await many.lookup(Buffer.from(name)), undefined);
    assert.equal(await many.lookup(Buffer.from('ENTRY-1x')), undefined);
  });

  it('finds names that are not ASCII when nobody says how their bytes are signed', async () => {
    const unsaid = scratchFile(scratch, 'unsaid');
    const features = '^metadata_csum';
    for (const flags of [1, 2]) {
      await sampleBytes(unsaid, { size: '8M', blockSize: 1024, many: 400, features });
      await debugfs(unsaid, [`set_super_value flags ${flags}`]);
      await fsck(unsaid, '-D');
      // s_flags
      const bytes = changed(readFileSync(unsaid), (copy) => copy.writeUInt32LE(0, 1024 + 0x160));
      const many = await nodeAt(await open(bytes), 'many');
      for (const name of await names(many)) {
        assert.notEqual(await many.lookup(Buffer.from(name)), undefined, name);
      }
    }
  });

  it('refuses what is encrypted, and only that', async () => {
    const secret = scratchFile(scratch, 'encrypted');
    await sampleBytes(secret, { size: '8M', features: 'encrypt' });
    await debugfs(secret, [
      'set_inode_field tiny flags 0x80800',
      'set_inode_field many flags 0x80800',
      'set_inode_field fast-link flags 0x800',
    ]);
    const tree = await open(readFileSync(secret));
    const refusal = (kind: string) => ({
      code: 'NotSupported',
      message: new RegExp(`^'sample.raw': the ${kind} with inode \\d+ is encrypted`),
    });
    await assert.rejects(readAll(await nodeAt(tree, 'tiny')), refusal('file'));
    await assert.rejects(names(await nodeAt(tree, 'many')), refusal('directory'));
    await assert.rejects((await nodeAt(tree, 'many')).lookup(Buffer.from('x')), refusal('directory'));
    await assert.rejects((await nodeAt(tree, 'fast-link')).readlink(), refusal('symlink'));
    assert.equal((await readAll(await nodeAt(tree, 'usr/lib/os-release'))).toString(), sampleOsRelease);
  });

  it('reads files with fs-verity', async () => {
    const sealed = scratchFile(scratch, 'verity');
    await sampleBytes(sealed, { size: '8M', features: 'verity' });
    await debugfs(sealed, ['set_inode_field hundred flags 0x180000']);
    const tree = await open(readFileSync(sealed));
    assert.equal((await readAll(await nodeAt(tree, 'hundred'))).length, 100);
  });
});
