/**
 * Differential test: what our reader gives of xfs images equals what the kernel shows of them. Needs root (loop mounts),
 * xfsprogs, acl and attr. Each file system is filled by the kernel.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { compareWithKernel, withMounted } from '../support/kernel-compare.ts';
import { makeRichTree } from '../support/rich-tree.ts';
import { runSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { addFeatures, makeXfs, readingXfs } from '../support/xfs-image.ts';

const scratch = scratchDirectory('xfs-kernel');
const rich = join(scratch, 'rich');
const image = join(scratch, 'image');

before(async () => {
  mkdirSync(rich);
  await makeRichTree(rich, {
    privileged: true,
    manyEntries: 200,
    depth: 12,
    largest: 300_000,
    owners: 10,
    xattrSets: 10,
  });
  // more than xfs takes: 1,023 bytes, major numbers of 9 bits
  for (const name of ['links/target-4000', 'nodes/char-large']) rmSync(join(rich, name));
  shell(
    rich,
    'setfacl -m u:1000:r,g:5:rw,m:rx sizes/text-1; setfacl -d -m u:7:rwx links; setfacl -m u:8:x names',
  );
});

interface Case {
  readonly name: string;
  /** Of mkfs.xfs. */
  readonly options?: readonly string[];
  readonly mebibytes?: number;
  /** Features that mkfs.xfs cannot set. */
  readonly bits?: number;
  /** Shell commands on the mounted file system. */
  readonly commands?: string;
  /** Done to the finished image. */
  readonly then?: () => void;
}

/** Features of the superblock, by their bits. */
const parent = 0x80;
const exchange = 0x40;

/** Space that is reserved, shared, written over, punched out and cut off. */
const spaceCommands = `
  xfs_io -f -c 'falloc 0 1m' -c 'pwrite -q 100k 5000' -c 'pwrite -q 700001 1' reserved
  xfs_io -f -c 'falloc -k 0 1m' -c 'pwrite -q 0 10' beyond
  head -c 900000 /dev/urandom > whole; cp --reflink=auto whole shared
  xfs_io -c 'pwrite -q 70k 9000' -c 'pwrite -q 300001 1' shared
  xfs_io -c 'fpunch 64k 128k' -c 'fzero 400k 100k' whole; truncate -s 555555 whole
  for i in 1 2 3 4 5; do ln whole "hard $i"; done`;

/** Directories from which entries were removed again, and one that is all holes but for its ends. */
const removedCommands = `
  mkdir gone apart; (cd gone; seq -f 'entry number %05g' 0 1500 | xargs -d '\\n' touch; rm *[13579])
  (cd apart; seq -f 'entry number %05g' 0 1500 | xargs -d '\\n' touch; seq -f 'entry number %05g' 40 1450 | xargs -d '\\n' rm)`;

describe('the reader and the kernel agree', () => {
  for (const each of [...sizes(), ...features()]) it(each.name, () => compare(each));
});

/** Blocks, blocks of directories, inodes and sectors of all sizes. */
function sizes(): Case[] {
  const blocks = [1024, 2048, 4096, 8192, 16384, 32768, 65536].map((size) => ({
    name: `blocks of ${size}`,
    options: ['-b', `size=${size}`],
  }));
  const directories = [
    [1024, 65536],
    [2048, 8192],
    [4096, 16384],
    [4096, 65536],
  ].map(([block, directory]) => ({
    name: `blocks of ${block}, of directories of ${directory}`,
    options: ['-b', `size=${block}`, '-n', `size=${directory}`],
  }));
  const inodes = [
    [1024, 512],
    [4096, 1024],
    [4096, 2048],
    [65536, 2048],
  ].map(([block, inode]) => ({
    name: `blocks of ${block}, inodes of ${inode}`,
    options: ['-b', `size=${block}`, '-i', `size=${inode}`],
  }));
  const sectors = [1024, 2048, 4096].map((size) => ({
    name: `sectors of ${size}`,
    options: ['-s', `size=${size}`],
  }));
  return [...blocks, ...directories, ...inodes, ...sectors].map((each) => ({
    ...each,
    commands: spaceCommands + removedCommands,
  }));
}

/** Switches of mkfs.xfs, one by one, and those it does not have yet. */
function features(): Case[] {
  const metadata = [
    'finobt=0',
    'finobt=1,rmapbt=1',
    'reflink=0',
    'reflink=0,rmapbt=1',
    'bigtime=0',
    'inobtcount=0',
    'uuid=11111111-2222-4333-8444-555555555555',
  ].map((option) => ({ name: option, options: ['-m', option] }));
  const inodes = ['sparse=0', 'sparse=1', 'nrext64=1', 'maxpct=1', 'attr=2'].map((option) => ({
    name: option,
    options: ['-i', option],
  }));
  return [
    ...metadata,
    ...inodes,
    {
      name: 'everything new',
      options: ['-m', 'rmapbt=1,reflink=1,bigtime=1,inobtcount=1', '-i', 'nrext64=1'],
    },
    {
      name: 'everything old',
      options: ['-m', 'finobt=0,reflink=0,bigtime=0,inobtcount=0', '-i', 'sparse=0'],
    },
    { name: 'many small groups', options: ['-d', 'agcount=16'] },
    { name: 'a size that is no multiple of anything', options: ['-d', 'size=314159s,agcount=3'] },
    { name: 'stripes', options: ['-d', 'su=64k,sw=3'] },
    { name: 'a log in the first group', options: ['-l', 'agnum=0,version=2,su=32k'] },
    { name: 'parent pointers', bits: parent },
    { name: 'parent pointers, blocks of 1024', bits: parent, options: ['-b', 'size=1024'] },
    { name: 'exchange of ranges', bits: exchange },
    { name: 'another UUID (metauuid)', then: () => runSync('xfs_admin', ['-U', 'generate', image]) },
    { name: 'another UUID, put back', then: changeUuidTwice },
    { name: 'a label', options: ['-L', 'twelve chars'] },
  ].map((each) => ({ ...each, commands: spaceCommands }));
}

function changeUuidTwice(): void {
  runSync('xfs_admin', ['-U', 'generate', image]);
  runSync('xfs_admin', ['-U', 'restore', image]);
}

/** Makes the image, lets the kernel fill it, and compares. */
async function compare({ options, mebibytes = 320, bits, commands, then }: Case): Promise<void> {
  makeXfs(image, mebibytes, options);
  if (bits !== undefined) addFeatures(image, bits);
  // withMounted mounts ro; a later rw wins
  await withMounted(
    image,
    'xfs',
    (directory) => {
      shell(directory, `cp -a ${rich}/. .`);
      if (commands !== undefined) shell(directory, commands);
      return Promise.resolve();
    },
    'rw',
  );
  then?.();
  await readingXfs(image, async (tree) => {
    const found = await withMounted(
      image,
      'xfs',
      (directory) => compareWithKernel(tree, directory),
      'norecovery',
    );
    assert.deepEqual(found, []);
  });
  rmSync(image);
}

/** Runs shell commands in a directory. */
function shell(directory: string, commands: string): void {
  execFileSync('bash', ['-euc', commands], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
}
