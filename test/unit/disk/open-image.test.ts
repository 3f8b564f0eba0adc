import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Budget } from '../../../src/disk/budget.ts';
import { mountedTree } from '../../../src/disk/mounted-tree.ts';
import { openImage, openSource } from '../../../src/disk/open.ts';
import { memorySource } from '../../../src/disk/source.ts';
import { listDirectory, readFile, resolve } from '../../../src/disk/walk.ts';
import { type MemoryTree, directory, memoryTree } from '../../support/memory-tree.ts';
import { types, writeGpt, writeMbr } from '../../support/partition-tables.ts';
import { refused } from '../../support/refused.ts';
import { openDescriptors, scratchDirectory } from '../../support/scratch.ts';

const budget = new Budget('foo.raw');
const options = { architecture: 'x86-64' };

function open(bytes: Buffer): ReturnType<typeof openSource> {
  return openSource(memorySource(bytes, 'foo.raw'), budget, options);
}

/** A medium of 1 MiB with some bytes in it. */
function medium(...parts: readonly (readonly [offset: number, bytes: string | Buffer])[]): Buffer {
  const bytes = Buffer.alloc(1024 * 1024);
  for (const [offset, part] of parts)
    bytes.set(typeof part === 'string' ? Buffer.from(part, 'latin1') : part, offset);
  return bytes;
}

const ext4Magic: readonly [number, string] = [1024 + 56, '\x53\xef'];
const squashfsHead: readonly [number, Buffer] = [
  0,
  Buffer.concat([Buffer.from('hsqs'), Buffer.alloc(24), Buffer.from([4, 0, 0, 0])]),
];

describe('opening an image', () => {
  const refusals: readonly [
    what: string,
    bytes: Buffer,
    code: Parameters<typeof refused>[0],
    message: RegExp,
  ][] = [
    [
      'nothing',
      Buffer.alloc(0),
      'InvalidArgs',
      /no suitable partition table or file system was found in 'foo.raw'$/,
    ],
    ['zeros', medium(), 'InvalidArgs', /no suitable partition table or file system was found in 'foo.raw'$/],
    [
      'a swap area',
      medium([1024, '\x01'], [4086, 'SWAPSPACE2']),
      'InvalidArgs',
      /was found in 'foo.raw', only swap/,
    ],
    [
      'two file systems',
      medium(squashfsHead, ext4Magic),
      'InvalidArgs',
      /'foo.raw' is ambiguous: it has the superblocks of squashfs and ext2/,
    ],
    ['LUKS', medium([0, 'LUKS\xba\xbe']), 'NotSupported', /'foo.raw' is encrypted \(LUKS0\)/],
    [
      'LUKS whose payload looks like ext4',
      medium([0, 'LUKS\xba\xbe'], ext4Magic),
      'NotSupported',
      /encrypted/,
    ],
    [
      'a hash tree',
      medium([0, 'verity\0\0']),
      'InvalidArgs',
      /'foo.raw' holds DM_verity_hash, not a file system/,
    ],
    [
      'an xfs of an old version',
      medium([0, 'XFSB']),
      'NotSupported',
      /uses version 0 of the format; only 5 /,
    ],
    [
      'a file system and a GPT',
      Buffer.concat([writeGpt([]).bytes, Buffer.alloc(65536)]).fill('_BHRfS_M', 0x10040, 0x10048),
      'InvalidArgs',
      /ambiguous: it has the superblock of btrfs, and a GPT/,
    ],
    ['an empty GPT', writeGpt([]).bytes, 'InvalidArgs', /'foo.raw' has no suitable partitions/],
    [
      'a root partition with nothing in it',
      writeGpt([{ type: types.root, first: 40, last: 41 }]).bytes,
      'InvalidArgs',
      /'foo.raw \(partition 1, root\)' holds no file system that is known/,
    ],
    [
      'an MBR with nothing in its partition',
      writeMbr([{ type: 0x83, active: true, start: 1, sectors: 9 }]),
      'InvalidArgs',
      /'foo.raw \(partition 1, root\)' holds no file system/,
    ],
  ];
  for (const [what, bytes, code, message] of refusals) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(open(bytes), refused(code, message));
    });
  }

  it('refuses a partition that is encrypted, and one whose hash tree is none', async () => {
    const { bytes } = writeGpt([
      { type: types.root, first: 40, last: 41 },
      { type: types.home, first: 42, last: 43 },
    ]);
    bytes.write('XFSB', 40 * 512);
    bytes.write('LUKS\xba\xbe', 42 * 512, 'latin1');
    await assert.rejects(open(bytes), refused('NotSupported', /partition 1, root|partition 2, home/));
    const { bytes: verity } = writeGpt([
      { type: types.root, first: 40, last: 41 },
      { type: types.rootVerity, first: 42, last: 43 },
    ]);
    verity.write('hsqs', 40 * 512);
    await assert.rejects(
      open(verity),
      refused('InvalidArgs', /'foo.raw \(partition 2, root-verity\)' .*no verity superblock at offset 0/),
    );
  });

  it('leaves nothing open when it fails', async () => {
    const path = join(scratchDirectory('open'), 'foo.raw');
    writeFileSync(path, medium());
    const before = openDescriptors();
    await assert.rejects(openImage({ path, type: 'raw' }, budget), refused('InvalidArgs', /no suitable/));
    assert.equal(openDescriptors(), before);
  });
});

describe('several file systems as one tree', () => {
  const usrTree = directory({ lib: directory({ 'os-release': 'ID=usr\n' }) });

  function tree(
    root: MemoryTree | undefined,
    mounts: Readonly<Record<string, MemoryTree>>,
  ): ReturnType<typeof mountedTree> {
    const list = Object.entries(mounts).map(([path, each]) => ({
      at: path.split('/'),
      open: () => Promise.resolve(each),
    }));
    return mountedTree(root, list, 'foo.raw');
  }

  const names = async (whole: ReturnType<typeof tree>, path: string): Promise<string[] | undefined> =>
    (await listDirectory(whole, path, budget))?.map((entry) => entry.name.toString());

  it('shows what is mounted, and links lead from one to another', async () => {
    const root = memoryTree(
      directory({
        usr: directory({ hidden: '' }),
        etc: directory({ 'os-release': { link: '/usr/lib/os-release' } }),
      }),
    );
    const usr = memoryTree(usrTree);
    const whole = tree(root, { usr });
    assert.equal((await readFile(whole, '/etc/os-release', 99, budget))?.toString(), 'ID=usr\n');
    assert.deepEqual(await names(whole, '/usr'), ['lib']);
    assert.deepEqual(await names(whole, '/usr/..'), ['usr', 'etc']);
    assert.equal(await readFile(whole, '/usr/hidden', 99, budget), undefined);
    assert.equal(root.openNodes + usr.openNodes, 0);
  });

  it('has an empty root where there is only usr', async () => {
    const usr = memoryTree(usrTree);
    const whole = tree(undefined, { usr });
    assert.deepEqual(await names(whole, '/'), ['usr']);
    assert.equal((await readFile(whole, '/usr/lib/os-release', 99, budget))?.toString(), 'ID=usr\n');
    assert.equal(await resolve(whole, '/etc/os-release', budget, { follow: true }), undefined);
    assert.equal(usr.openNodes, 0);
  });

  it('mounts one on another', async () => {
    const root = memoryTree(directory({ var: directory() }));
    const whole = tree(root, {
      'var/tmp': memoryTree(directory({ b: '' })),
      var: memoryTree(directory({ tmp: directory({ a: '' }) })),
    });
    assert.deepEqual(await names(whole, '/var/tmp'), ['b']);
    const withoutVar = tree(memoryTree(directory({ var: directory({ tmp: directory() }) })), {
      'var/tmp': memoryTree(directory({ c: '' })),
    });
    assert.deepEqual(await names(withoutVar, '/var/tmp'), ['c']);
  });

  it('opens a file system when a path first leads into it, once', async () => {
    let opened = 0;
    const home = {
      at: ['home'],
      open: () => Promise.resolve(memoryTree(directory({ x: '' }), `home ${++opened}`)),
    };
    const whole = mountedTree(
      memoryTree(directory({ home: directory(), etc: directory() })),
      [home],
      'foo.raw',
    );
    await names(whole, '/etc');
    assert.equal(opened, 0);
    await names(whole, '/home');
    await names(whole, '/home');
    assert.equal(opened, 1);
    await whole.close();
  });

  it('says which directory is missing to mount on', async () => {
    const whole = tree(memoryTree(directory({ home: { link: 'etc' }, etc: directory() })), {
      usr: memoryTree(usrTree),
      home: memoryTree(directory()),
    });
    await assert.rejects(
      names(whole, '/usr/lib'),
      refused('InvalidArgs', /'foo.raw' has a partition for \/usr, but no directory to mount it on/),
    );
    await assert.rejects(names(whole, '/home/'), refused('InvalidArgs', /for \/home/));
    assert.deepEqual(await names(whole, '/etc'), []);
  });
});
