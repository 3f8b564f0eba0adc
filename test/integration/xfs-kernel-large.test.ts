/** Differential test, continued: directories, maps of extents and attributes that need trees, and what is far away. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { copyFileSync, readFileSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import type { FileTree, TreeNode } from '../../src/disk/tree.ts';
import { nameHash } from '../../src/disk/xfs/hash.ts';
import { compareWithKernel, withMounted } from '../support/kernel-compare.ts';
import { Random } from '../support/random.ts';
import { runSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { nodeAt } from '../support/tree-nodes.ts';
import { makeXfs, readingXfs, withoutKinds } from '../support/xfs-image.ts';

const scratch = scratchDirectory('xfs-large');
const image = join(scratch, 'image');

afterEach(() => rmSync(image, { force: true }));

/** Makes an image and lets the kernel fill it. */
async function fill(
  options: readonly string[],
  commands: string | ((directory: string) => void),
  mebibytes = 320,
): Promise<void> {
  makeXfs(image, mebibytes, options);
  await withMounted(
    image,
    'xfs',
    (directory) => {
      if (typeof commands === 'string') shell(directory, commands);
      else commands(directory);
      return Promise.resolve();
    },
    'rw',
  );
}

async function assertKernelAgrees(): Promise<void> {
  await readingXfs(image, async (tree) => {
    const found = await withMounted(image, 'xfs', (at) => compareWithKernel(tree, at), 'norecovery');
    assert.deepEqual(found, []);
  });
}

function shell(directory: string, commands: string): void {
  execFileSync('bash', ['-euc', commands], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** What xfs_db(8) prints of the image. */
function ask(...commands: string[]): string {
  return runSync('xfs_db', ['-r', ...commands.flatMap((command) => ['-c', command]), image]);
}

/** The level of the root of a hash index: block 0 of attributes, the one at 32 GiB of directories. */
function indexLevel(path: string, block: string): number {
  return Number(/hdr\.level = (\d+)/.exec(ask(`path /${path}`, block, 'p'))?.[1] ?? 0);
}

describe('directories', () => {
  const cases: readonly (readonly [
    name: string,
    level: number,
    count: number,
    length: number,
    options: readonly string[],
  ])[] = [
    ['10,000 entries', 1, 10_000, 40, []],
    ['10,000 long names, blocks of 1024', 1, 10_000, 250, ['-b', 'size=1024']],
    ['10,000 entries, directory blocks of 65536', 1, 10_000, 40, ['-n', 'size=65536']],
    ['500 entries, one leaf', 0, 500, 40, []],
  ];
  for (const [name, level, count, length, options] of cases) {
    it(name, async () => {
      const entry = (i: number): string => `${i}-`.padEnd(length, `${i % 7}`);
      await fill(options, (directory) => {
        mkdirSync(join(directory, 'many'));
        writeFileSync(join(directory, 'one'), 'one');
        for (let i = 0; i < count; i++) linkSync(join(directory, 'one'), join(directory, 'many', entry(i)));
      });
      const blockSize = Number(/blocksize = (\d+)/.exec(ask('sb 0', 'p blocksize'))?.[1]);
      assert.equal(indexLevel('many', `dblock ${2 ** 35 / blockSize}`), level, 'as deep as meant');
      await readingXfs(image, async (tree, bytesRead) => {
        const many = await nodeAt(tree, 'many');
        await assertSameNames(tree, many);
        const before = bytesRead();
        assert.notEqual(await many.lookup(Buffer.from(entry(count - 1))), undefined);
        assert.ok(bytesRead() - before < 600_000, `${bytesRead() - before} bytes read to find one name`);
        for (let i = count; i < count + 300; i++) {
          assert.equal(await many.lookup(Buffer.from(entry(i))), undefined);
        }
      });
    });
  }

  it('names with the same hash, over several leaves', async () => {
    // a bit in one byte and a bit in the next cancel each other out
    const names = Array.from({ length: 512 }, (_, i) =>
      Buffer.concat(
        Array.from({ length: 9 }, (_each, bit) =>
          (i >> bit) % 2 === 0 ? Buffer.from([0x62, 0x22]) : Buffer.from([0x63, 0xa2]),
        ),
      ),
    );
    assert.equal(new Set(names.map(nameHash)).size, 1);
    await fill(['-b', 'size=1024'], (directory) => {
      for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), name]), name);
    });
    await assertKernelAgrees();
    await readingXfs(image, async (tree) => {
      const root = await tree.root();
      assert.equal(await root.lookup(Buffer.concat([names[0]!.subarray(2), Buffer.from('xx')])), undefined);
    });
  });
});

/** All of a directory's entries are those that the kernel lists, and are found by their names. */
async function assertSameNames(tree: FileTree, many: TreeNode): Promise<void> {
  const ours: string[] = [];
  for await (const entry of many.entries()) ours.push(entry.name.toString());
  const kernels = await withMounted(
    image,
    'xfs',
    (directory) => Promise.resolve(readdirSync(join(directory, 'many'))),
    'norecovery',
  );
  assert.deepEqual(ours.sort(), kernels.sort());
  const one = (await nodeAt(tree, 'one')).stat;
  for (const name of ours) assert.deepEqual((await many.lookup(Buffer.from(name)))?.stat, one, name);
}

describe('files', () => {
  it('of 200 MB, with text, random bytes and holes', async () => {
    await fill([], writeLargeFiles, 600);
    await assertKernelAgrees();
  });

  for (const [blockSize, count, levels] of [
    [1024, 4000, 2],
    [4096, 500, 1],
  ] as const) {
    it(`with many extents, blocks of ${blockSize}`, async () => {
      await fill(['-b', `size=${blockSize}`], (directory) => scatter(directory, blockSize, count));
      assert.match(ask('path /scattered', 'p'), new RegExp(`u3.bmbt.level = ${levels}`), 'as deep as meant');
      await assertKernelAgrees();
    });
  }

  it('with more extents than 32 bits could count, were there so many (nrext64)', async () => {
    await fill(['-i', 'nrext64=1'], (directory) => scatter(directory, 4096, 600));
    await assertKernelAgrees();
  });

  it('with bytes at the end of 8 EiB', async () => {
    const end = 2n ** 63n - 1n;
    await fill([], (directory) => shell(directory, `xfs_io -f -c 'pwrite -q ${end - 8n} 8' far`));
    await readingXfs(image, async (tree) => {
      const far = await nodeAt(tree, 'far');
      assert.equal(far.stat.size, end);
      assert.deepEqual(await far.read(end - 10n, 100), Buffer.from('0000cdcdcdcdcdcdcdcd', 'hex'));
      assert.deepEqual(await far.read(end / 2n, 5000), Buffer.alloc(5000));
    });
  });
});

/** Every second block a hole, so that each other is an extent. */
function scatter(directory: string, blockSize: number, count: number): void {
  const random = new Random(3);
  const file = openSync(join(directory, 'scattered'), 'w');
  for (let i = 0; i < count; i++) {
    const block = random.bytes(blockSize);
    writeSync(file, block, 0, block.length, 2 * i * blockSize);
  }
  closeSync(file);
}

function writeLargeFiles(directory: string): void {
  const random = new Random(11);
  const size = 200_000_001;
  const file = openSync(join(directory, 'large'), 'w');
  ftruncateSync(file, size);
  const chunk = random.bytes(1_000_003);
  for (let offset = 0, i = 0; offset + chunk.length <= size; offset += chunk.length, i++) {
    if (i % 7 !== 3) writeSync(file, chunk, 0, chunk.length, offset);
  }
  writeSync(file, chunk, 0, 1, size - 1);
  closeSync(file);
  writeFileSync(join(directory, 'one byte'), 'x');
}

describe('attributes', () => {
  for (const options of [
    ['-b', 'size=1024'],
    ['-b', 'size=1024', '-i', 'nrext64=1'],
    [],
    ['-i', 'size=2048'],
    ['-b', 'size=65536'],
  ]) {
    it(`of all sizes and in all numbers, ${options.join(' ') || 'no options'}`, async () => {
      await fill(options, writeAttributes);
      await assertKernelAgrees();
    });
  }

  it('thousands of one file, with names that have the same hash among them', async () => {
    await fill(['-b', 'size=1024'], (directory) => {
      // a bit in one byte and another in the fifth after it cancel each other out
      const same = Array.from({ length: 64 }, (_, i) =>
        Array.from({ length: 6 }, (_each, bit) => ((i >> bit) % 2 === 0 ? 'bxxxxbyyyy' : 'cxxxxjyyyy')).join(
          '',
        ),
      );
      assert.equal(new Set(same.map((name) => nameHash(Buffer.from(name)))).size, 1);
      const others = Array.from({ length: 3000 }, (_, i) => `number-${i}`);
      restore(directory, { file: [...same, ...others].map((name) => [`user.${name}`, Buffer.from(name)]) });
    });
    assert.ok(indexLevel('file', 'ablock 0') >= 2, 'as deep as meant');
    await assertKernelAgrees();
  });
});

type Attributes = Readonly<Record<string, readonly (readonly [name: string, value: Buffer])[]>>;

/** Values of sizes at which the way changes in which they are stored, and lists of access control. */
function writeAttributes(directory: string): void {
  const random = new Random(5);
  const edges = [1, 200, 255, 256, 700, 760, 968, 969, 2000, 3000, 4040, 4041, 16_000, 65_535, 65_536];
  const names = ['user', 'trusted', 'security'];
  const set = (file: string, count: number, size: number): Attributes => ({
    [file]: Array.from({ length: count }, (_, i) => [`${names[i % 3]!}.${file}-${i}`, random.bytes(size)]),
  });
  restore(directory, {
    ...Object.fromEntries(
      edges.map((size) => [`size-${size}`, [[`user.size-${size}`, random.bytes(size)] as const]]),
    ),
    ...set('few', 3, 10),
    ...set('some', 40, 30),
    ...set('many', 300, 100),
    ...set('large', 10, 5000),
    empty: [['user.empty', Buffer.alloc(0)]],
    long: [[`user.${'n'.repeat(250)}`, Buffer.from('name')]],
  });
  const entries = Array.from({ length: 20 }, (_, i) => `u:${100 + i}:rw,g:${200 + i}:x`).join(',');
  shell(
    directory,
    `touch acl; setfacl -m u:0:r,u:4294967294:rwx,g:100:-,m::r acl; mkdir default
     setfacl -m d:u:1:rw,d:g:2:x,d:o:-,u:3:r default; touch default/inherits; mkdir default/below
     touch long-acl; setfacl -m ${entries} long-acl; ln -s acl link; setfattr -h -n trusted.x -v y link
     setfattr -x user.some-3 some; for i in 0 9 18 27 36 90 120; do setfattr -x user.many-$i many; done
     cp -a few emptied; setfattr -x user.few-0 emptied; setfattr -x trusted.few-1 emptied; setfattr -x security.few-2 emptied`,
  );
}

function restore(directory: string, attributes: Attributes): void {
  const lines = Object.entries(attributes).flatMap(([file, values]) => {
    writeFileSync(join(directory, file), file);
    return [
      `# file: ${join(directory, file)}`,
      ...values.map(([name, value]) => `${name}=0x${value.toString('hex')}`),
      '',
    ];
  });
  const dump = join(scratch, 'dump');
  writeFileSync(dump, lines.join('\n'));
  runSync('setfattr', [`--restore=${dump}`]);
}

describe('inodes', () => {
  for (const bigtime of [0, 1]) {
    it(`times before 1970 and far in the future, bigtime=${bigtime}`, async () => {
      const times = [
        -2_147_483_648,
        -1,
        0,
        2 ** 31 - 1,
        ...(bigtime === 1 ? [2 ** 31, 2 ** 33, 16_299_260_424] : []),
      ];
      await fill(['-m', `bigtime=${bigtime}`], (directory) => {
        for (const time of times) {
          writeFileSync(join(directory, String(time)), '');
          utimesSync(join(directory, String(time)), time, time);
        }
      });
      await assertKernelAgrees();
    });
  }

  it('with numbers of more than 32 bits', async () => {
    const directories = Array.from({ length: 12 }, (_, i) => `directory-${i}`);
    await fill(
      ['-d', 'agcount=16', '-l', 'size=16m'],
      (directory) => {
        for (const name of directories) {
          mkdirSync(join(directory, name));
          for (let i = 0; i < 40; i++) writeFileSync(join(directory, name, `file-${i}`), name);
        }
        // of the long form in an inode, though most numbers in it are short
        mkdirSync(join(directory, 'mixed'));
        for (const name of directories)
          linkSync(join(directory, name, 'file-0'), join(directory, 'mixed', name));
      },
      8 * 2 ** 20,
    );
    await assertKernelAgrees();
    await readingXfs(image, async (tree) => {
      const inodes = await Promise.all(
        directories.map(async (name) => (await nodeAt(tree, name)).stat.inode),
      );
      assert.ok(
        inodes.some((inode) => inode > 2n ** 32n),
        inodes.join(' '),
      );
    });
  });

  it('in directories without the kinds of their entries', async () => {
    await fill([], (directory) => {
      shell(
        directory,
        'mkdir few many; ln -s few few/a-link; mkfifo few/fifo; seq -f "many/file-%03.0f" 60 | xargs touch',
      );
    });
    writeFileSync(image, withoutKinds(readFileSync(image)));
    await assertKernelAgrees();
  });

  it('targets of links in blocks', async () => {
    await fill(
      ['-b', 'size=1024'],
      'for n in 335 336 337 967 968 969 1023; do ln -s "$(head -c $n /dev/zero | tr "\\0" t)" $n; done',
    );
    await assertKernelAgrees();
  });
});

it('a log that was not written back is left alone, and the tree is what the kernel shows without it', async () => {
  await fill([], 'mkdir -p usr/lib; echo ID=test > usr/lib/os-release');
  const directory = join(scratch, 'dirty');
  const copy = `${image}.copy`;
  mkdirSync(directory);
  runSync('mount', ['-o', 'loop', image, directory]);
  try {
    shell(
      directory,
      'mkdir later; echo x > later/file; sync; echo y > later/other; xfs_io -x -c "shutdown -f" .',
    );
    copyFileSync(image, copy);
  } finally {
    runSync('umount', [directory]);
  }
  copyFileSync(copy, image);
  rmSync(copy);
  const before = readFileSync(image);
  await assertKernelAgrees();
  await readingXfs(image, async (tree) => {
    assert.equal((await (await nodeAt(tree, 'usr/lib/os-release')).read(0n, 100)).toString(), 'ID=test\n');
  });
  assert.ok(readFileSync(image).equals(before), 'nothing was written');
});
