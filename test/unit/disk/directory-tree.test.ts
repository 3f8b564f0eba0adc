import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PortableError } from '../../../src/base/errors.ts';
import { Budget, defaultLimits } from '../../../src/disk/budget.ts';
import { openDirectory } from '../../../src/disk/directory/index.ts';
import type { FileTree, TreeNode } from '../../../src/disk/tree.ts';
import { listDirectory, readContent, readFile } from '../../../src/disk/walk.ts';
import { openDescriptors, processorMs, scratchDirectory } from '../../support/scratch.ts';
import { refused } from '../../support/refused.ts';

const budget = (limits = defaultLimits): Budget => new Budget('test', limits);

async function withTree<T>(path: string, work: (tree: FileTree) => Promise<T>, used = budget()): Promise<T> {
  const tree = await openDirectory(path, used);
  try {
    return await work(tree);
  } finally {
    await tree.close();
  }
}

describe('a directory tree', () => {
  const root = scratchDirectory('directory');
  mkdirSync(join(root, 'sub'));
  writeFileSync(join(root, 'file'), 'content');
  chmodSync(join(root, 'file'), 0o4750);
  execFileSync('touch', ['--date=@-1.5', join(root, 'file')]);
  symlinkSync('sub/../file', join(root, 'link'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  const odd = Buffer.from([0xff, 0x0a, 0xfe]);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), odd]), 'odd');

  it('reports stat(2) of each kind, and reads files and links', async () => {
    await withTree(root, async (tree) => {
      const top = await tree.root();
      const file = await top.lookup(Buffer.from('file'));
      assert.equal(file?.stat.kind, 'file');
      assert.equal(file.stat.mode, 0o4750);
      assert.equal(file.stat.size, 7n);
      assert.equal(file.stat.mtime, -2n);
      assert.equal((await file.read(0n, 100)).toString(), 'content');
      assert.equal((await file.read(3n, 2)).toString(), 'te');
      assert.equal((await file.read(7n, 5)).length, 0);
      const link = await top.lookup(Buffer.from('link'));
      assert.equal(link?.stat.kind, 'symlink');
      assert.equal(link.stat.size, 11n);
      assert.equal((await link.readlink()).toString(), 'sub/../file');
      assert.equal((await top.lookup(Buffer.from('fifo')))?.stat.kind, 'fifo');
      assert.equal((await readFile(tree, odd, 10, budget()))?.toString(), 'odd');
      assert.equal(await top.lookup(Buffer.from('missing')), undefined);
    });
  });

  it('lists names as bytes, with their kinds', async () => {
    const entries = await withTree(root, (tree) => listDirectory(tree, '/', budget()));
    const found = entries?.map((entry) => `${entry.name.toString('latin1')} ${entry.kind}`).sort();
    const expected = [
      'fifo fifo',
      'file file',
      'link symlink',
      'sub directory',
      `${odd.toString('latin1')} file`,
    ];
    assert.deepEqual(found, expected);
  });

  it('has no entry named "..", "." or with a slash in it', async () => {
    await withTree(root, async (tree) => {
      const top = await tree.root();
      for (const name of ['..', '.', '', 'sub/..', 'fi\0le', 'x'.repeat(256)]) {
        assert.equal(await top.lookup(Buffer.from(name)), undefined, name);
      }
    });
  });

  it('never opens a FIFO or a device', async () => {
    await withTree(root, async (tree) => {
      await assert.rejects(readFile(tree, 'fifo', 10, budget()), refused('InvalidArgs', /is a FIFO/));
      const fifo = await (await tree.root()).lookup(Buffer.from('fifo'));
      await assert.rejects(async () => fifo?.read(0n, 1), refused('InvalidArgs', /fifo, not a file/));
    });
    await withTree('/dev', async (tree) => {
      const device = await (await tree.root()).lookup(Buffer.from('null'));
      assert.ok(device !== undefined);
      assert.deepEqual(device.stat.device, { major: 1, minor: 3 });
      await assert.rejects(device.read(0n, 1), refused('InvalidArgs', /character, not a file/));
    });
  });

  it('reads extended attributes by descriptor, after the file was renamed away', async () => {
    const path = join(root, 'attributed');
    writeFileSync(path, '');
    execFileSync('setfattr', ['-n', 'user.extension-release.strict', '-v', 'false', path]);
    execFileSync('setfattr', ['-n', 'user.odd =name', '-v', '0x000aff', path]);
    await withTree(root, async (tree) => {
      const node = await (await tree.root()).lookup(Buffer.from('attributed'));
      renameSync(path, join(root, 'elsewhere'));
      const attributes = await node?.xattrs();
      assert.equal(attributes?.get('user.extension-release.strict')?.toString(), 'false');
      assert.deepEqual(attributes.get('user.odd =name'), Buffer.from([0, 10, 255]));
    });
    await withTree(`/proc/${process.pid}`, async (tree) => {
      const node = await (await tree.root()).lookup(Buffer.from('status'));
      assert.equal((await node?.xattrs())?.size, 0);
    });
    rmSync(join(root, 'elsewhere'));
  });

  it('says what it cannot open', async () => {
    await assert.rejects(openDirectory(join(root, 'none'), budget()), refused('FileNotFound', /none/));
    await assert.rejects(
      openDirectory(join(root, 'file'), budget()),
      refused('InvalidArgs', /a file, not a directory/),
    );
    await assert.rejects(openDirectory(join(root, 'link'), budget()), refused('InvalidArgs', /a symlink/));
  });

  it('leaves no descriptor open, whatever was forgotten', async () => {
    const before = openDescriptors();
    const tree = await openDirectory(root, budget());
    const top = await tree.root();
    await (await top.lookup(Buffer.from('file')))?.read(0n, 1);
    await top.lookup(Buffer.from('link'));
    for await (const entry of top.entries()) if (entry.kind !== 'file') break;
    await assert.rejects(readFile(tree, 'file/x', 10, budget()));
    assert.ok(openDescriptors() > before);
    await tree.close();
    await tree.close();
    assert.equal(openDescriptors(), before);
    await assert.rejects(top.lookup(Buffer.from('file')), /used after it was closed/);
  });

  it('notices a file that grew beyond the limit after it was opened', async () => {
    const path = join(root, 'growing');
    writeFileSync(path, 'x');
    await withTree(root, async (tree) => {
      const node = await (await tree.root()).lookup(Buffer.from('growing'));
      assert.equal(node?.stat.size, 1n);
      truncateSync(path, 5000);
      await assert.rejects(
        readContent(node, 4999, budget(), () => path),
        refused('LimitsExceeded', /longer than 4999/),
      );
      assert.equal((await readContent(node, 5000, budget(), () => path)).length, 5000);
    });
    rmSync(path);
  });

  const many = scratchDirectory('many', '/dev/shm');

  it('stops at the limit of directory entries, early', async () => {
    for (let i = 0; i < 100_000; i++) symlinkSync('x', join(many, `entry${i}`));
    const start = processorMs();
    const few = budget({ ...defaultLimits, directoryEntries: 20_000 });
    await assert.rejects(
      withTree(many, (tree) => listDirectory(tree, '/', few), few),
      refused('LimitsExceeded', /more than 20000 directory entries/),
    );
    assert.ok(processorMs() - start < 1000, 'took more than a second');
  });

  it('lets other work run while it lists', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const entries = await withTree(many, (tree) => listDirectory(tree, '/', budget()));
    clearInterval(timer);
    assert.equal(entries?.length, 100_000);
    assert.ok(ticks >= 3, `${ticks} timer ticks`);
  });
});

describe('a directory tree under attack', () => {
  /** Runs `attack` (the body of an endless loop) in another process while `work` runs. */
  async function underAttack(attack: string, cwd: string, work: () => Promise<void>): Promise<void> {
    const program = `const fs = require('node:fs'); process.stdout.write('ready'); for (;;) { ${attack} }`;
    const child = spawn(process.execPath, ['-e', program], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await new Promise((ready, failed) => {
        child.stdout.once('data', ready);
        child.once('error', failed);
      });
      await work();
      assert.equal(child.exitCode, null, 'the attacker gave up');
    } finally {
      child.kill('SIGKILL');
      await new Promise((gone) => child.once('exit', gone));
    }
  }

  /** Counts what `read` returns, until the attack was seen working (or too long). */
  async function outcomes(
    read: () => Promise<string>,
    enough: (seen: Map<string, number>) => boolean,
  ): Promise<Map<string, number>> {
    const seen = new Map<string, number>();
    const end = performance.now() + 20_000;
    for (let round = 0; performance.now() < end; round++) {
      const outcome = await read();
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      if (round % 100 === 99) {
        await new Promise((resume) => setImmediate(resume));
        if (round > 3000 && enough(seen)) break;
      }
    }
    return seen;
  }

  /** What a reader that follows paths gets, for comparison: it falls for the attack. */
  function readByPath(path: string): string {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return 'missing';
    }
  }

  const base = scratchDirectory('attack');
  mkdirSync(join(base, 'image/dir'), { recursive: true });
  mkdirSync(join(base, 'outside'));
  writeFileSync(join(base, 'image/dir/who'), 'inside');
  writeFileSync(join(base, 'image/dir/other'), 'inside too');
  writeFileSync(join(base, 'outside/who'), 'outside');
  writeFileSync(join(base, 'outside/other'), 'outside');
  symlinkSync('../outside', join(base, 'image/trap'));

  it('never leaves the tree when a directory is swapped for a symlink', async () => {
    const swap = `
      fs.renameSync('image/dir', 'image/kept');
      fs.renameSync('image/trap', 'image/dir');
      fs.renameSync('image/dir', 'image/trap');
      fs.renameSync('image/kept', 'image/dir');`;
    const before = openDescriptors();
    await underAttack(swap, base, async () => {
      const naive = await outcomes(
        () => Promise.resolve(readByPath(join(base, 'image/dir/who'))),
        (seen) => seen.has('outside') && seen.has('inside'),
      );
      assert.ok(naive.has('outside') && naive.has('inside'), 'the attack does not work');
      const tree = await openDirectory(join(base, 'image'), budget());
      const ours = await outcomes(
        async () => (await readFile(tree, 'dir/who', 100, budget()))?.toString() ?? 'missing',
        (seen) => seen.has('missing') && seen.has('inside'),
      );
      await tree.close();
      assert.deepEqual([...ours.keys()].sort(), ['inside', 'missing']);
    });
    assert.ok(openDescriptors() <= before);
  });

  it('never reads through, blocks on, or fails obscurely over a file that is swapped for a symlink or a FIFO', async () => {
    const home = join(base, 'swapped');
    mkdirSync(home);
    writeFileSync(join(home, 'unit'), 'inside');
    symlinkSync(join(base, 'outside/who'), join(home, 'link'));
    execFileSync('mkfifo', [join(home, 'fifo')]);
    const swap = `
      for (const other of ['link', 'fifo']) {
        fs.renameSync('unit', 'kept');
        fs.renameSync(other, 'unit');
        fs.renameSync('unit', other);
        fs.renameSync('kept', 'unit');
      }`;
    await underAttack(swap, home, async () => {
      const tree = await openDirectory(home, budget());
      const read = async (): Promise<string> => {
        try {
          return (await readFile(tree, 'unit', 100, budget()))?.toString() ?? 'missing';
        } catch (error) {
          assert.ok(error instanceof PortableError, String(error));
          return error.message;
        }
      };
      const isFifo = `'unit' in '${home}' is a FIFO, not a regular file`;
      const wanted = ['inside', 'missing', isFifo];
      const seen = await outcomes(read, (outcome) => wanted.every((each) => outcome.has(each)));
      await tree.close();
      assert.deepEqual([...seen.keys()].sort(), [isFifo, 'inside', 'missing']);
    });
  });

  it('reads the target of a link as a whole, or not at all, while links are swapped', async () => {
    const home = join(base, 'links');
    mkdirSync(home);
    const targets = ['a'.repeat(4000), 'b'.repeat(3000)];
    const swap = `
      for (const [i, target] of ${JSON.stringify(targets)}.entries()) {
        fs.symlinkSync(target, 'new' + i);
        fs.renameSync('new' + i, 'link');
      }`;
    symlinkSync('start', join(home, 'link'));
    await underAttack(swap, home, async () => {
      const tree = await openDirectory(home, budget());
      const top = await tree.root();
      const read = async (): Promise<string> => {
        let node: TreeNode | undefined;
        try {
          node = await top.lookup(Buffer.from('link'));
          assert.ok(node !== undefined);
          const target = (await node.readlink()).toString();
          assert.equal(BigInt(target.length), node.stat.size);
          return target;
        } catch (error) {
          assert.ok(error instanceof PortableError && error.code === 'Stale', String(error));
          return 'stale';
        } finally {
          await node?.close();
        }
      };
      const seen = await outcomes(read, (outcome) => targets.every((target) => outcome.has(target)));
      await tree.close();
      seen.delete('stale');
      seen.delete('start');
      assert.deepEqual([...seen.keys()].sort(), targets);
    });
  });
});
