/**
 * File systems that are read through the kernel: what a process of ours serves of them equals what the kernel shows, and
 * nothing of it is left when it ends. Needs root, loop devices, btrfs-progs, xfsprogs, f2fs-tools.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Budget } from '../../src/disk/budget.ts';
import { openFileSource } from '../../src/disk/file-source.ts';
import { crc32c } from '../../src/disk/crc.ts';
import { openByKernel } from '../../src/disk/kernel/index.ts';
import { openImage } from '../../src/disk/open.ts';
import { memorySource } from '../../src/disk/source.ts';
import type { FileTree } from '../../src/disk/tree.ts';
import { readFile } from '../../src/disk/walk.ts';
import { writeAt, writeDisk } from '../support/disk-images.ts';
import { failsWith } from '../support/fails-with.ts';
import { differences, directoryFacts, treeFacts, withMounted } from '../support/kernel-compare.ts';
import { types } from '../support/partition-tables.ts';
import { makeRichTree } from '../support/rich-tree.ts';
import { runSync, tryRunSync } from '../support/run.ts';
import { openDescriptors, scratchDirectory } from '../support/scratch.ts';

const scratch = scratchDirectory('kernel-reader');
const tree = join(scratch, 'tree');
const image = join(scratch, 'image.raw');
const wide = { ...new Budget('').limits, wallTimeMs: 300_000 };

/** What all file systems get, besides what is written below: inline and sparse files, odd names, links, xattrs. */
const rich = { privileged: true, manyEntries: 30, depth: 12, largest: 300_000, owners: 10, xattrSets: 10 };
const wideTree = join(scratch, 'wide');

before(async () => {
  // small: a process for the xattrs of each file takes its time
  mkdirSync(join(tree, 'rich'), { recursive: true });
  await makeRichTree(join(tree, 'rich'), rich);
  mkdirSync(wideTree);
  await makeRichTree(wideTree, { ...rich, manyEntries: 10_000 });
  // more than xfs takes: 1,023 bytes, major numbers of 9 bits
  for (const each of [join(tree, 'rich'), wideTree]) {
    for (const name of ['links/target-4000', 'nodes/char-large']) rmSync(join(each, name));
  }
  mkdirSync(join(tree, 'usr/lib'), { recursive: true });
  mkdirSync(join(tree, 'deep/a/b/c/d/e'), { recursive: true });
  mkdirSync(join(tree, 'many'));
  const write = (name: string, content: string | Buffer): void => writeFileSync(join(tree, name), content);
  write('usr/lib/os-release', 'ID=test\n');
  write('deep/a/b/c/d/e/file', 'deep');
  write('empty', '');
  write('text', 'all work and no play '.repeat(20_000));
  write('random', randomBytes(1_500_000));
  write('sparse', 'start');
  truncateSync(join(tree, 'sparse'), 10 << 20);
  write('n'.repeat(255), 'name');
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe, 0x41])]), 'not UTF-8');
  for (let i = 0; i < 10; i++) write(`many/${i}`, `${i}`);
  linkSync(join(tree, 'text'), join(tree, 'hard link'));
  symlinkSync('../usr/lib/os-release', join(tree, 'link'));
  symlinkSync('/x'.repeat(500), join(tree, 'long link'));
  runSync('mkfifo', [join(tree, 'fifo')]);
  runSync('mknod', [join(tree, 'device'), 'c', '5', '300']);
  runSync('setfattr', ['-n', 'user.note', '-v', 'attribute', join(tree, 'text')]);
  runSync('setfattr', ['-n', 'trusted.note', '-v', 'x'.repeat(300), join(tree, 'many')]);
  runSync('setfacl', ['-m', 'u:1000:r,g:5:rw', join(tree, 'random')]);
  runSync('chown', ['1000:100000', join(tree, 'random')]);
  chmodSync(join(tree, 'random'), 0o4751);
  utimesSync(join(tree, 'empty'), -5, -5);
});

/** Whether the kernel has a driver for the image's file system, built in or as a module. */
function isMountable(type: string): boolean {
  const directory = join(scratch, type);
  mkdirSync(directory);
  if (tryRunSync('mount', ['-t', type, '-o', 'loop,ro', image, directory]).status !== 0) return false;
  runSync('umount', [directory]);
  return true;
}

/** Loop devices that are set up for a file. */
const loopsOf = (file: string): string => runSync('losetup', ['--associated', file]).trim();

/** The kernel lets go of a file system a moment after its last user. */
async function waitForNoLoop(file: string): Promise<void> {
  for (let i = 0; i < 100 && loopsOf(file) !== ''; i++) await sleep(50);
  assert.equal(loopsOf(file), '');
}

/** Runs `use` with the image's tree, and then sees to it that nothing is left. */
async function withTree<T>(type: string, use: (tree: FileTree, budget: Budget) => Promise<T>): Promise<T> {
  const descriptors = openDescriptors();
  const budget = new Budget(image, wide);
  const source = await openFileSource(image);
  try {
    const tree = await openByKernel(type, source, budget);
    try {
      return await use(tree, budget);
    } finally {
      await tree.close();
    }
  } finally {
    await source.close();
    await waitForNoLoop(image);
    assert.equal(openDescriptors(), descriptors);
  }
}

/** Makes an image of the rich tree by mounting it and copying; what is compared is read afterwards. */
async function fillMounted(type: string, options: string, from = tree): Promise<void> {
  const directory = join(scratch, 'mounted');
  mkdirSync(directory, { recursive: true });
  runSync('mount', ['-t', type, '-o', `loop,${options}`, image, directory]);
  try {
    runSync('cp', ['-a', '-T', from, directory]);
  } finally {
    runSync('umount', [directory]);
  }
  await waitForNoLoop(image);
}

async function compare(type: string, atLeast = 200): Promise<void> {
  // those of the wide directory have none, as the kernel's side will tell
  const hasXattrs = (path: string): boolean => !path.startsWith('many/');
  const ours = await withTree(type, (tree) => treeFacts(tree, [], hasXattrs));
  const theirs = await withMounted(image, type, (directory) => directoryFacts(directory));
  assert.deepEqual(differences(ours, theirs), []);
  assert.ok(ours.size > atLeast, `${ours.size} files`);
}

function blank(mebibytes: number): void {
  rmSync(image, { force: true });
  writeFileSync(image, '');
  truncateSync(image, mebibytes * 2 ** 20);
}

describe('the kernel reader gives of btrfs what the kernel shows', () => {
  const features: readonly (readonly string[])[] = [
    [],
    ['--csum', 'xxhash'],
    ['--csum', 'blake2', '--nodesize', '65536'],
    ['--mixed', '--nodesize', '4096'],
    ['--features', '^no-holes', '--metadata', 'single'],
    ['--csum', 'sha256', '--features', '^extref'],
  ];
  for (const options of features) {
    it(`made with ${options.join(' ') || 'no options'}`, async () => {
      blank(200);
      runSync('mkfs.btrfs', ['-q', ...options, image]);
      await fillMounted('btrfs', 'rw');
      await compare('btrfs');
    });
  }
  for (const compression of ['zlib', 'lzo', 'zstd']) {
    it(`compressed with ${compression}`, async () => {
      blank(200);
      runSync('mkfs.btrfs', ['-q', image]);
      await fillMounted('btrfs', `compress-force=${compression}`);
      await compare('btrfs');
    });
  }
  it('with 10,000 entries in a directory', async () => {
    blank(200);
    runSync('mkfs.btrfs', ['-q', image]);
    await fillMounted('btrfs', 'compress=zstd', wideTree);
    await compare('btrfs', 10_000);
  });
  it('made of a directory by mkfs.btrfs', async () => {
    rmSync(image, { force: true });
    runSync('mkfs.btrfs', ['-q', '--rootdir', tree, '--shrink', image]);
    await compare('btrfs');
  });
  it('with another subvolume as its default', async () => {
    blank(200);
    runSync('mkfs.btrfs', ['-q', image]);
    const directory = join(scratch, 'subvolumes');
    mkdirSync(directory);
    runSync('mount', ['-o', 'loop', image, directory]);
    runSync('btrfs', ['subvolume', 'create', join(directory, 'inner')]);
    runSync('cp', ['-a', '-T', tree, join(directory, 'inner')]);
    runSync('btrfs', ['subvolume', 'set-default', join(directory, 'inner')]);
    runSync('umount', [directory]);
    await waitForNoLoop(image);
    await compare('btrfs');
  });
});

describe('the kernel reader gives of xfs what the kernel shows', () => {
  const features: readonly (readonly string[])[] = [
    [],
    ['-m', 'reflink=0,rmapbt=0', '-n', 'size=65536'],
    ['-b', 'size=1024', '-i', 'size=512', '-m', 'bigtime=0,inobtcount=0'],
    ['-i', 'size=2048', '-n', 'ftype=1', '-m', 'finobt=0,rmapbt=0,reflink=0'],
  ];
  for (const options of features) {
    it(`made with ${options.join(' ') || 'no options'}`, async () => {
      blank(320);
      runSync('mkfs.xfs', ['-q', ...options, image]);
      await fillMounted('xfs', 'rw');
      await compare('xfs');
    });
  }
  it('with 10,000 entries in a directory', async () => {
    blank(320);
    runSync('mkfs.xfs', ['-q', image]);
    await fillMounted('xfs', 'rw', wideTree);
    await compare('xfs', 10_000);
  });
  it('with a log that was not written back', async () => {
    blank(320);
    runSync('mkfs.xfs', ['-q', image]);
    await fillMounted('xfs', 'rw');
    const directory = join(scratch, 'dirty');
    const whole = `${image}.whole`;
    mkdirSync(directory);
    runSync('mount', ['-o', 'loop', image, directory]);
    writeFileSync(join(directory, 'later'), '');
    runSync('xfs_io', ['-x', '-c', 'shutdown -f', directory]);
    copyFileSync(image, whole);
    runSync('umount', [directory]);
    await waitForNoLoop(image);
    copyFileSync(whole, image);
    const before = readFileSync(image);
    const release = await withTree('xfs', (tree, budget) =>
      readFile(tree, '/usr/lib/os-release', 100, budget),
    );
    assert.equal(release?.toString(), 'ID=test\n');
    assert.ok(readFileSync(image).equals(before), 'the image was written to');
    rmSync(whole);
  });
});

describe('the kernel reader and a file system that not every kernel has', () => {
  const makers: Readonly<Record<string, readonly [string, ...string[]]>> = {
    f2fs: ['mkfs.f2fs', '-q', image],
  };
  for (const [type, [maker, ...args]] of Object.entries(makers)) {
    it(`reads ${type}, or names what is missing`, async () => {
      blank(100);
      runSync(maker, args);
      if (!isMountable(type)) {
        const missing = new RegExp(
          `image.raw' holds ${type}, and this kernel has no driver for it .*modprobe ${type}`,
        );
        await failsWith(
          withTree(type, () => Promise.resolve()),
          'NotSupported',
          missing,
        );
        return;
      }
      const directory = join(scratch, type);
      runSync('mount', ['-t', type, '-o', 'loop', image, directory]);
      mkdirSync(join(directory, 'usr/lib'), { recursive: true });
      writeFileSync(join(directory, 'usr/lib/os-release'), 'ID=test\n');
      writeFileSync(join(directory, 'a long näme with blanks'), Buffer.alloc(100_000, 7));
      runSync('umount', [directory]);
      const ours = await withTree(type, (tree) => treeFacts(tree));
      const theirs = await withMounted(image, type, (mounted) => directoryFacts(mounted));
      assert.deepEqual(differences(ours, theirs), []);
    });
  }
});

describe('the kernel reader', () => {
  before(async () => {
    blank(200);
    runSync('mkfs.btrfs', ['-q', image]);
    await fillMounted('btrfs', 'rw');
  });

  it('reads a partition of an image, and nothing beside it', async () => {
    const disk = join(scratch, 'disk.raw');
    const small = join(scratch, 'small.img');
    mkdirSync(join(scratch, 'part/usr/lib'), { recursive: true });
    writeFileSync(join(scratch, 'part/usr/lib/os-release'), 'ID=partition\n');
    writeFileSync(small, '');
    truncateSync(small, 24 << 20);
    runSync('mkfs.btrfs', ['-q', '--mixed', '-r', join(scratch, 'part'), small]);
    writeDisk(disk, { label: 'gpt', parts: [{ type: types.root, mebibytes: 24, content: small }] });
    const budget = new Budget(disk, wide);
    const opened = await openImage({ path: disk, type: 'raw' }, budget, { architecture: 'x86-64' });
    assert.equal(
      (await readFile(opened.tree, '/usr/lib/os-release', 100, budget))?.toString(),
      'ID=partition\n',
    );
    assert.equal(opened.tree.type, 'btrfs');
    await opened.close();
    await waitForNoLoop(disk);
  });

  it('leaves nothing of an image that is refused for another partition', async () => {
    const disk = join(scratch, 'refused.raw');
    const encrypted = join(scratch, 'encrypted.img');
    writeFileSync(
      encrypted,
      Buffer.concat([Buffer.from('LUKS\xba\xbe\0\x02', 'latin1'), Buffer.alloc(1 << 20)]),
    );
    const parts = [
      { type: types.root, mebibytes: 24, content: join(scratch, 'small.img') },
      { type: types.home, mebibytes: 2, content: encrypted },
    ];
    writeDisk(disk, { label: 'gpt', parts });
    const descriptors = openDescriptors();
    const opening = openImage({ path: disk, type: 'raw' }, new Budget(disk, wide), {
      architecture: 'x86-64',
    });
    await failsWith(opening, 'NotSupported', /refused.raw.* is encrypted \(LUKS2\)/);
    await waitForNoLoop(disk);
    assert.equal(openDescriptors(), descriptors);
  });

  it('reads an image that is mounted', async () => {
    const read = (): Promise<Buffer | undefined> =>
      withTreeOf(image, (tree, budget) => readFile(tree, '/usr/lib/os-release', 100, budget));
    const release = await withMounted(image, 'btrfs', read);
    assert.equal(release?.toString(), 'ID=test\n');
    await waitForNoLoop(image);
  });

  it('is not led out of the image, nor stopped by what is not there', async () => {
    await withTree('btrfs', async (tree) => {
      const root = await tree.root();
      for (const name of ['..', '.', '', 'a/b', 'not there']) {
        assert.equal(await root.lookup(Buffer.from(name)), undefined, name);
      }
      await failsWith(root.read(0n, 10), 'InvalidArgs', /is a directory, not a file/);
      await failsWith(root.readlink(), 'InvalidArgs', /is a directory, not a symlink/);
    });
  });

  it('counts directory entries', async () => {
    const budget = new Budget(image, { ...wide, directoryEntries: 10 });
    const source = await openFileSource(image);
    const tree = await openByKernel('btrfs', source, budget);
    await failsWith(treeFacts(tree), 'LimitsExceeded', /more than 10 directory entries/);
    await tree.close();
    await source.close();
    await waitForNoLoop(image);
  });

  it('ends with the time of the inspection', async () => {
    const budget = new Budget(image, { ...wide, wallTimeMs: 20 });
    const source = await openFileSource(image);
    await failsWith(openByKernel('btrfs', source, budget), 'LimitsExceeded', /took longer than 20 ms/);
    await source.close();
    await waitForNoLoop(image);
  });

  it('names what it refuses', async () => {
    const corrupt = join(scratch, 'corrupt.raw');
    copyFileSync(image, corrupt);
    writeAt(corrupt, 0x10000, Buffer.alloc(64, 1)); // the checksum of the superblock
    await failsWith(
      withTreeOf(corrupt, () => Promise.resolve()),
      'InvalidArgs',
      /does not mount '.*corrupt.raw' as btrfs: /,
    );
    await waitForNoLoop(corrupt);
    const checked = memorySource(Buffer.alloc(10), 'foo.raw (root, checked by its hash tree)');
    await failsWith(
      openByKernel('btrfs', checked, new Budget('foo.raw')),
      'NotSupported',
      /'foo.raw .*' holds btrfs, which only the kernel can read, and it would not check the image's hash/,
    );
  });

  it('needs CAP_SYS_ADMIN, and says so', () => {
    const { stdout } = runProgram(['setpriv', '--bounding-set=-sys_admin']);
    assert.match(
      stdout,
      /AccessDenied '.*image.raw' holds btrfs, which only the kernel can read, and mounting needs CAP_SYS_ADMIN/,
    );
  });

  it('leaves nothing when whoever started it is killed', async () => {
    const victim = spawn(process.execPath, [...tsx, program, image], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => victim.stdout.once('data', resolve));
    assert.notEqual(loopsOf(image), '');
    victim.kill('SIGKILL');
    await waitForNoLoop(image);
  });
});

describe('a superblock with what the kernel does not know', () => {
  const unknown: readonly (readonly [
    type: string,
    make: () => void,
    change: (superblock: Buffer) => void,
    at: number,
    message: RegExp,
  ])[] = [
    [
      'btrfs',
      () => {
        blank(200);
        runSync('mkfs.btrfs', ['-q', image]);
      },
      (bytes) => {
        bytes.writeUInt32LE(0x4000_0000, 0xbc + 4);
        bytes.writeUInt32LE(~crc32c(0xffff_ffff, bytes.subarray(32)) >>> 0, 0);
      },
      0x10000,
      /does not mount '.*image.raw' as btrfs: .*incompat_flags 0x40000000\w+, csum_type 0x0000\)/,
    ],
    [
      'xfs',
      () => {
        blank(320);
        runSync('mkfs.xfs', ['-q', image]);
      },
      (bytes) => {
        bytes.writeUInt32BE(0x4000_0000, 0xd8);
        bytes.writeUInt32LE(0, 0xe0);
        bytes.writeUInt32LE(~crc32c(0xffff_ffff, bytes.subarray(0, 512)) >>> 0, 0xe0);
      },
      0,
      /does not mount '.*image.raw' as xfs: .*versionnum 0x\w{3}5, .*features_incompat 0x40000000\)/,
    ],
  ];
  for (const [type, make, change, at, message] of unknown) {
    it(`is an error that names it: ${type}`, async () => {
      make();
      const bytes = readFileSync(image).subarray(at, at + 4096);
      change(bytes);
      writeAt(image, at, bytes);
      await failsWith(
        withTree(type, () => Promise.resolve()),
        'InvalidArgs',
        message,
      );
    });
  }
});

const tsx = ['--import', 'tsx'];
const program = join(import.meta.dirname, '../support/open-and-wait.ts');

function runProgram(prefix: readonly [string, ...string[]]): { readonly stdout: string } {
  const [first, ...rest] = [...prefix, process.execPath, ...tsx, program, image];
  return tryRunSync(first, rest);
}

async function withTreeOf<T>(file: string, use: (tree: FileTree, budget: Budget) => Promise<T>): Promise<T> {
  const budget = new Budget(file, wide);
  const source = await openFileSource(file);
  try {
    const tree = await openByKernel('btrfs', source, budget);
    try {
      return await use(tree, budget);
    } finally {
      await tree.close();
    }
  } finally {
    await source.close();
  }
}
