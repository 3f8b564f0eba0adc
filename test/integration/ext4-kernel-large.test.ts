/** Differential test, continued: trees and indices that are deep, files that are large, times that are far away. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  ftruncateSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PortableError } from '../../src/base/errors.ts';
import type { FileTree, TreeNode } from '../../src/disk/tree.ts';
import { assertKernelAgrees, reading, shell, writable } from '../support/ext-compare.ts';
import { type ExtImageOptions, debugfs, fsck, makeExt } from '../support/ext-image.ts';
import { withMounted } from '../support/kernel-compare.ts';
import { Random } from '../support/random.ts';
import { scratchDirectory } from '../support/scratch.ts';

const scratch = scratchDirectory('ext4-large');
const image = join(scratch, 'image');

/** Makes an image, lets the kernel fill it, and compares. */
async function filled(
  options: ExtImageOptions & { readonly prepare?: readonly string[] },
  fill: (directory: string) => void | Promise<void>,
): Promise<void> {
  await makeExt(image, options);
  if (options.prepare !== undefined) await debugfs(image, options.prepare);
  await writable(image, options.type ?? 'ext4', fill);
}

describe('indexed directories of the kernel', () => {
  const cases: [name: string, levels: number, count: number, options: Parameters<typeof filled>[0]][] = [
    // s_flags: bytes of names are unsigned
    ['10,000 entries, unsigned hash', 1, 10_000, { size: '60M', prepare: ['set_super_value flags 2'] }],
    ['10,000 entries, blocks of 4096', 1, 10_000, { size: '60M' }],
    ['10,000 long names, blocks of 1024', 2, 10_000, { size: '60M', blockSize: 1024 }],
    ['10,000 long names, blocks of 1024, ext3', 2, 10_000, { size: '60M', blockSize: 1024, type: 'ext3' }],
    [
      '60,000 long names, large_dir, blocks of 1024',
      3,
      60_000,
      { size: '80M', blockSize: 1024, features: 'large_dir' },
    ],
  ];
  for (const [name, levels, count, options] of cases) {
    for (const rebuilt of [false, true]) {
      // e2fsck 1.47.0 builds at most two levels
      if (rebuilt && levels === 3) continue;
      it(`${name}${rebuilt ? ', rebuilt by e2fsck -D' : ''}`, async () => {
        const length = levels === 1 ? 40 : 255;
        await filled(options, (directory) => fillDirectory(directory, count, length));
        if (rebuilt) await fsck(image, '-D');
        const dump = execFileSync('debugfs', ['-R', 'htree_dump many', image], {
          encoding: 'utf8',
          // without metadata_csum it complains of each block
          stdio: ['ignore', 'pipe', 'ignore'],
          maxBuffer: 64 * 1024 * 1024,
        });
        assert.equal(
          Number(/Indirect levels: (\d)/.exec(dump)?.[1]) + 1,
          levels,
          'the index is as deep as meant',
        );
        await reading(image, (tree) => assertSameNames(tree, count, length));
        rmSync(image);
      });
    }
  }
});

function entryName(i: number, length: number): string {
  return `${i}-${i % 3 === 0 ? 'é' : ''}`.padEnd(length - (i % 3 === 0 ? 1 : 0), `${i % 10}`);
}

function fillDirectory(directory: string, count: number, length: number): void {
  mkdirSync(join(directory, 'many'));
  writeFileSync(join(directory, 'one'), 'one');
  for (let i = 0; i < count; i++) {
    linkSync(join(directory, 'one'), join(directory, 'many', entryName(i, length)));
  }
}

async function assertSameNames(tree: FileTree, count: number, length: number): Promise<void> {
  const many = await at(tree, 'many');
  const ours: string[] = [];
  for await (const entry of many.entries()) ours.push(entry.name.toString());
  const kernels = await withMounted(image, tree.type, (directory) =>
    Promise.resolve(readdirSync(join(directory, 'many'))),
  );
  assert.equal(kernels.length, count);
  assert.deepEqual(ours.sort(), kernels.sort());
  const one = (await at(tree, 'one')).stat;
  for (const name of ours) {
    const found = await many.lookup(Buffer.from(name));
    assert.deepEqual(found?.stat, one, name);
  }
  for (let i = count; i < count + 500; i++) {
    assert.equal(await many.lookup(Buffer.from(entryName(i, length))), undefined);
  }
}

async function at(tree: FileTree, path: string): Promise<TreeNode> {
  let node = await tree.root();
  for (const name of path.split('/')) {
    const next = await node.lookup(Buffer.from(name));
    assert.ok(next !== undefined, `${path}: no ${name}`);
    node = next;
  }
  return node;
}

describe('large and scattered files', () => {
  for (const options of [
    { type: 'ext4', blockSize: 4096 },
    { type: 'ext4', blockSize: 1024 },
    { type: 'ext4', blockSize: 4096, features: 'bigalloc' },
    { type: 'ext3', blockSize: 1024 },
    { type: 'ext2', blockSize: 4096 },
  ] as const) {
    const features = 'features' in options ? `, ${options.features}` : '';
    it(`${options.type}, blocks of ${options.blockSize}${features}`, async () => {
      await filled({ ...options, size: '900M' }, writeLargeFiles);
      await assertKernelAgrees(image);
      rmSync(image);
    });
  }

  it('extents that are reserved, punched and left beyond the end', async () => {
    await filled({ size: '200M', blockSize: 1024 }, (directory) => {
      shell(
        directory,
        `fallocate -l 5M reserved; printf x | dd of=reserved bs=1 seek=3000000 conv=notrunc status=none
         touch beyond; fallocate -n -l 3M beyond; printf 'short' | dd of=beyond conv=notrunc status=none
         head -c 8000000 /dev/urandom > scattered; for ((i = 0; i < 4000; i++)); do echo $((i * 2048)); done > offsets
         while read at; do fallocate -p -o $at -l 1024 scattered; done < offsets
         truncate -s 0 empty`,
      );
    });
    const extents = await debugfs(image, ['ex scattered']);
    assert.match(extents, /^ [0-2]\/ 2 /m, 'the tree is two levels deep');
    await assertKernelAgrees(image);
    rmSync(image);
  });

  it('a file of 15 TiB with bytes at the end', async () => {
    const end = 15 * 2 ** 40;
    await filled({ size: '20M' }, (directory) => {
      const file = openSync(join(directory, 'huge'), 'w');
      ftruncateSync(file, end);
      writeSync(file, 'the end', end - 7);
      closeSync(file);
    });
    await reading(image, async (tree) => {
      const node = await at(tree, 'huge');
      assert.equal(node.stat.size, BigInt(end));
      assert.equal((await node.read(BigInt(end - 7), 100)).toString(), 'the end');
      assert.ok((await node.read(BigInt(end) / 2n, 5000)).equals(Buffer.alloc(5000)));
      assert.equal((await node.read(BigInt(end), 10)).length, 0);
    });
    rmSync(image);
  });
});

/** 200 MB with text, random bytes and holes; small files around; triple indirect blocks where there are no extents. */
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
  for (const bytes of [1, 11 * 1024, 12 * 1024, 13 * 1024, 268 * 1024 + 1]) {
    writeFileSync(join(directory, `bytes-${bytes}`), random.bytes(bytes));
  }
  const far = openSync(join(directory, 'far'), 'w');
  // with blocks of 1 KiB: direct, single, double and triple indirect
  for (const offset of [0, 12 * 1024, 268 * 1024, 65_804 * 1024, 70_000 * 1024])
    writeSync(far, 'here', offset);
  closeSync(far);
}

describe('what inodes say', () => {
  it('times before 1970, after 2038 and after 2106', async () => {
    await filled({ size: '20M' }, (directory) => {
      for (const time of [-2_147_483_648, -1, 2 ** 31, 2 ** 32 + 5, 2 ** 33, 15_032_385_535]) {
        writeFileSync(join(directory, String(time)), '');
        utimesSync(join(directory, String(time)), time, time);
      }
    });
    await assertKernelAgrees(image);
    await withMounted(image, 'ext4', (directory) => {
      // the kernel really kept them
      assert.equal(statSync(join(directory, '15032385535')).mtimeMs, 15_032_385_535_000);
      return Promise.resolve();
    });
  });

  it('access control lists, on files, directories and none on symlinks', async () => {
    await filled({ size: '20M', inodeSize: 128 }, (directory) => {
      shell(
        directory,
        `touch file; mkdir dir; ln -s file link
         setfacl -m u:0:r,u:4294967294:rwx,g:100:-,m::r file
         setfacl -m d:u:1:rw,d:g:2:x,d:o:-,u:3:r dir
         touch dir/inherits; mkdir dir/below`,
      );
    });
    await assertKernelAgrees(image);
    await reading(image, async (tree) => {
      const xattrs = await (await at(tree, 'dir')).xattrs();
      assert.deepEqual([...xattrs.keys()].sort(), ['system.posix_acl_access', 'system.posix_acl_default']);
    });
  });

  it('large attributes in inodes of their own, shared and not', async () => {
    await filled({ size: '40M', features: 'ea_inode' }, (directory) => {
      shell(
        directory,
        `head -c 49000 /dev/urandom | base64 -w0 > value
         for i in 1 2 3; do touch $i; { echo "# file: $i"; echo "user.big=0s$(cat value)"; echo "user.$i=0s$(head -c $((i * 4000)) value)"; } > $i.dump
         setfattr --restore=$i.dump; done`,
      );
    });
    const names = await debugfs(image, ['ea_list 1']);
    assert.match(names, /user\.big \(49000\)/);
    await assertKernelAgrees(image);
  });

  it('attributes of the Hurd, which the kernel shows too, and others that it hides', async () => {
    await filled({ size: '20M' }, (directory) => writeFileSync(join(directory, 'file'), 'x'));
    await debugfs(image, [
      'ea_set file gnu.author me',
      'ea_set file system.richacl hidden',
      'ea_set file user.seen yes',
    ]);
    await assertKernelAgrees(image);
    await reading(image, async (tree) => {
      const xattrs = await (await at(tree, 'file')).xattrs();
      assert.deepEqual([...xattrs.keys()].sort(), ['gnu.author', 'user.seen']);
    });
  });

  it('device numbers of the old and the new kind', async () => {
    await filled({ size: '20M' }, (directory) =>
      shell(
        directory,
        'mknod old b 255 255; mknod new c 256 0; mknod minor b 0 256; mknod most c 4095 1048575; mknod none c 0 0',
      ),
    );
    await assertKernelAgrees(image);
  });
});

describe('encrypted files', () => {
  it('are refused by name, and nothing else is', async () => {
    await filled({ size: '20M', features: 'encrypt' }, (directory) => {
      mkdirSync(join(directory, 'secret'));
      encryptDirectory(join(directory, 'secret'));
      shell(
        directory,
        'echo hidden > secret/file; mkdir secret/below; ln -s somewhere secret/link; echo open > plain',
      );
    });
    await reading(image, async (tree) => {
      assert.equal((await (await at(tree, 'plain')).read(0n, 100)).toString(), 'open\n');
      const secret = await at(tree, 'secret');
      assert.equal(secret.stat.kind, 'directory');
      const refusal = (error: unknown) =>
        error instanceof PortableError &&
        error.code === 'NotSupported' &&
        /inode \d+ is encrypted/.test(error.message);
      await assert.rejects(secret.lookup(Buffer.from('file')), refusal);
      await assert.rejects(async () => {
        for await (const entry of secret.entries()) assert.fail(entry.name.toString());
      }, refusal);
    });
  });

  /** With a key in the keyring of this session. */
  function encryptDirectory(directory: string): void {
    execFileSync('e4crypt', ['add_key', '-q', '-S', 's:salt', directory], {
      input: 'passphrase\n',
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }
});

describe('journals', () => {
  it('an external journal, in order, is not needed', async () => {
    const journal = join(scratch, 'journal');
    execFileSync('mke2fs', ['-q', '-F', '-b', '4096', '-O', 'journal_dev', journal, '8M']);
    const loop = execFileSync('losetup', ['-f', '--show', journal], { encoding: 'utf8' }).trim();
    try {
      await filled({ size: '20M', more: ['-J', `device=${loop}`] }, (directory) =>
        shell(directory, 'echo kept > file'),
      );
      await assertKernelAgrees(image);
      await assert.rejects(
        reading(journal, (tree) => tree.root()),
        {
          code: 'NotSupported',
          message: /external journal .*\(feature journal_dev\)/,
        },
      );
    } finally {
      execFileSync('losetup', ['-d', loop]);
    }
  });
});
