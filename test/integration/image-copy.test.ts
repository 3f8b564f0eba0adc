/** Copies of whole images: true to the original, shared with it where the file system can, never half, never from outside. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { silentLog, type JournalFields, type Log } from '../../src/base/log.ts';
import { removeTree } from '../../src/base/remove-tree.ts';
import { apply } from '../../src/transaction/apply.ts';
import { copyImage, type CopyContext } from '../../src/transaction/copy-image.ts';
import { makeRichTree } from '../support/rich-tree.ts';
import { runSync, tryRunSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';
import {
  environment,
  journalsIn,
  links,
  plan,
  plantScenario,
  present,
  step,
} from '../support/transaction-host.ts';

const scratch = scratchDirectory('image-copy');
const quiet: CopyContext = { log: silentLog };
const mega = 1024 * 1024;

/** Everything about a tree that a copy must have, as text. */
function facts(tree: string): string {
  const all = '%P %y %m %U %G %n %T@';
  const script = `
    find . '(' -type d -printf '${all.replace(' %n', '')}\\n' ')' -o -type s -o -printf '${all} %s %l\\n' | sort
    find . -type f -print0 | sort -z | xargs -0 sha256sum
    find . '(' -type b -o -type c ')' -exec stat -c '%n %t:%T' {} + | sort
    find . ! -type s -print0 | sort -z | xargs -0 getfattr -h -d -m - --encoding=hex --`;
  return runSync('sh', ['-c', `cd "$1" && export LC_ALL=C && ${script}`, 'sh', tree]);
}

function assertSame(one: string, other: string): void {
  const [a = [], b = []] = [one, other].map((tree) => facts(tree).split('\n'));
  const [inA, inB] = [new Set(a), new Set(b)];
  const differing = [...a.filter((line) => !inB.has(line)), ...b.filter((line) => !inA.has(line))];
  assert.deepEqual(differing.slice(0, 10), []);
  assert.equal(a.length, b.length);
}

/** Bytes on disk. */
function allocated(at: string): number {
  return Number(/^\d+/.exec(runSync('du', ['-s', '--block-size=1', at]))?.[0]);
}

/** Puts the same number of bytes everywhere: no holes. */
function writeFilled(file: string, megabytes: number): void {
  runSync('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${megabytes}`, 'status=none']);
}

describe('a copy of a tree', () => {
  const source = path.join(scratch, 'rich');
  before(async () => {
    mkdirSync(source);
    await makeRichTree(source, { privileged: true, manyEntries: 500, owners: 50, xattrSets: 50 });
    // whoever else may write somewhere makes it a different case
    runSync('find', [source, '-type', 'd', '-exec', 'chmod', 'go-w', '{}', '+']);
    runSync('find', [source, '-type', 'd', '-exec', 'chown', '0', '{}', '+']);
  });

  it('is true to it, whether others can change the original meanwhile or not', async () => {
    for (const owner of [0, 1234]) {
      chownSync(source, owner, owner);
      const staged = path.join(scratch, `copy-${owner}`);
      await copyImage({ source, staged, path: '/etc/portables/rich' }, quiet);
      assertSame(staged, source);
      assert.ok(allocated(staged) < allocated(source) * 1.1, 'holes are holes');
      await removeTree(staged);
    }
  });

  it('has nothing from outside, however quickly a directory is swapped for a link', async () => {
    const outside = path.join(scratch, 'outside');
    const shared = path.join(scratch, 'shared');
    mkdirSync(outside);
    for (let i = 0; i < 50; i++) writeFileSync(path.join(outside, `f${i}`), 'secret');
    for (let i = 0; i < 40; i++) {
      mkdirSync(path.join(shared, `d${i}/in`), { recursive: true });
      for (let k = 0; k < 50; k++) writeFileSync(path.join(shared, `d${i}/in/f${k}`), 'mine');
    }
    chownSync(shared, 1234, 1234);
    const swap = `cd "$1"; while :; do for d in d*; do mv -T $d/in $d/.in; ln -s "$2" $d/in; rm $d/in; mv -T $d/.in $d/in; done; done`;
    const attacker = spawn('sh', ['-c', swap, 'sh', shared, outside], { detached: true, stdio: 'ignore' });
    try {
      for (let round = 0; round < 4; round++) {
        const staged = path.join(scratch, `swapped-${round}`);
        await copyImage({ source: shared, staged, path: '/etc/portables/shared' }, quiet);
        const { status } = tryRunSync('grep', ['-rql', 'secret', staged]);
        assert.equal(status, 1, 'something from outside was copied');
        await removeTree(staged);
      }
    } finally {
      const gone = once(attacker, 'exit');
      process.kill(-(attacker.pid ?? 0), 'SIGKILL');
      await gone;
    }
  });
});

describe('a copy of a tree that others may change, which takes two programs', () => {
  const shared = path.join(scratch, 'two-programs');
  const stubs = path.join(scratch, 'stubs');
  const copy = { source: shared, staged: path.join(scratch, 'two-copied'), path: '/etc/portables/two' };
  const searchPath = process.env['PATH'];
  before(() => {
    mkdirSync(shared);
    chownSync(shared, 1234, 1234);
    mkdirSync(stubs);
    for (const tool of ['find', 'du', 'sleep']) runSync('ln', ['-s', `/usr/bin/${tool}`, stubs]);
    process.env['PATH'] = stubs;
  });
  after(() => {
    process.env['PATH'] = searchPath;
  });

  /** Stands in for setpriv(1), and what that would run. */
  function stub(creating: string, extracting: string): void {
    const text = `#!/bin/sh\ncase "$*" in *--create*) ${creating};; *) ${extracting};; esac\n`;
    writeFileSync(path.join(stubs, 'setpriv'), text, { mode: 0o755 });
  }

  it('fails where these are not installed', async () => {
    await assert.rejects(copyImage(copy, quiet), {
      code: 'NotSupported',
      message: /"setpriv" is not installed/,
    });
    rmdirSync(copy.staged);
  });

  it('fails in the words of the one that failed first, and ends the other', async () => {
    const lost = 'echo "tar: ./f: Read error at byte 0: Input/output error" >&2; exit 2';
    const full = 'echo "tar: ./f: Cannot write: No space left on device" >&2; exit 2';
    for (const [creating, extracting, expected] of [
      [lost, 'exec sleep 60', { code: 'IOError', message: /Read error/ }],
      ['exec sleep 60', full, { dbusName: 'System.Error.ENOSPC' }],
      ['while echo data; do :; done', full, { dbusName: 'System.Error.ENOSPC' }],
    ] as const) {
      stub(creating, extracting);
      const began = performance.now();
      await assert.rejects(copyImage(copy, quiet), expected);
      assert.ok(performance.now() - began < 10_000);
      rmdirSync(copy.staged);
    }
  });
});

describe('a copy of a file', () => {
  it('has the holes of a sparse one, and takes no time for them', async () => {
    const source = path.join(scratch, 'sparse.raw');
    writeFileSync(source, 'head');
    truncateSync(source, 4096 * mega);
    const staged = path.join(scratch, 'sparse.copy');
    const began = performance.now();
    await copyImage({ source, staged, path: '/etc/portables/sparse.raw' }, quiet);
    assert.equal(statSync(staged).size, 4096 * mega);
    assert.ok(allocated(staged) < mega);
    assert.ok(performance.now() - began < 2000);
  });

  it('is reported while it lasts, in words and fields', async () => {
    const source = path.join(scratch, 'large.raw');
    writeFilled(source, 512);
    const said: { message: string; fields: JournalFields | undefined }[] = [];
    const log: Log = { ...silentLog, info: (message, fields) => said.push({ message, fields }) };
    const staged = path.join(scratch, 'large.copy');
    const context = { log, copyReportMs: 20 };
    await copyImage({ source, staged, path: '/etc/portables/large.raw' }, context);
    assert.ok(said.length > 2, `${said.length}`);
    const bytes = said.map(({ fields }) => Number(fields?.['PORTABLE_COPY_BYTES'] ?? 0));
    assert.ok(
      bytes.some((each) => each > 0 && each < 512 * mega),
      bytes.join(),
    );
    assert.deepEqual(
      [...bytes.filter((each) => each > 0)].sort((a, b) => a - b),
      bytes.filter((each) => each > 0),
    );
    for (const { message, fields } of said) {
      assert.match(message, /^copying '.*large\.raw' to '\/etc\/portables\/large\.raw': .*MB.* after \d+ s$/);
      assert.equal(fields?.['PORTABLE_COPY_TOTAL_BYTES'], String(statSync(source).blocks * 512));
    }
    assert.ok(said.some(({ message }) => /\d+ of 537 MB \(\d+%\)/.test(message)));
  });

  it('is given up at once when it is cancelled, and nothing of it is left', async () => {
    const root = plantScenario(scratch, { plant: () => undefined, plan: plan('attach') });
    for (const each of ['srv', 'var/lib/portabled/transactions'])
      mkdirSync(path.join(root, each), { recursive: true });
    runSync('ln', [path.join(scratch, 'large.raw'), path.join(root, 'srv/large.raw')]);
    const names = (): string => runSync('find', [root]);
    const cancel = new AbortController();
    const old = names();
    const done = apply(plan('attach', step.copyImage(`${links}/large.raw`, '/srv/large.raw')), {
      ...environment(root),
      signal: cancel.signal,
    });
    const area = path.join(root, 'etc');
    const isCopying = (): boolean => readdirSync(area).some((name) => name.endsWith('.new'));
    while (!isCopying()) await new Promise((resolve) => setTimeout(resolve, 2));
    assert.notDeepEqual(journalsIn(root), [], 'whoever starts next knows of it');
    const began = performance.now();
    cancel.abort();
    await assert.rejects(done, { code: 'Cancelled' });
    assert.ok(performance.now() - began < 1000, `${performance.now() - began} ms`);
    assert.equal(names(), old);
  });
});

describe('a copy that does not fit', () => {
  const disk = path.join(scratch, 'small');
  after(() => runSync('umount', ['--lazy', disk]));
  before(() => {
    mkdirSync(disk);
    runSync('mount', ['-t', 'tmpfs', '-o', 'size=8M,nr_inodes=200', 'tmpfs', disk]);
    mkdirSync(path.join(disk, 'etc/systemd'), { recursive: true });
  });

  it('is refused with what it takes and what is there, and nothing of it is left', async () => {
    const old = present(disk);
    const large = path.join(scratch, 'nine.raw');
    writeFilled(large, 9);
    const many = path.join(scratch, 'many');
    mkdirSync(many);
    for (let i = 0; i < 300; i++) writeFileSync(path.join(many, String(i)), '');
    for (const [source, pattern] of [
      [
        large,
        /cannot copy '.*nine\.raw' to '\/etc\/portables\/nine\.raw': not enough space, 9437184 bytes are needed, \d+ were free/,
      ],
      [many, /cannot copy '.*many' to '\/etc\/portables\/many': not enough space, \d+ bytes are needed/],
    ] as const) {
      const bind = path.join(disk, 'srv');
      mkdirSync(bind);
      runSync('mount', ['--bind', scratch, bind]);
      try {
        const copy = step.copyImage(`${links}/${path.basename(source)}`, `/srv/${path.basename(source)}`);
        const done = apply(plan('attach', copy), environment(disk));
        await assert.rejects(done, { dbusName: 'System.Error.ENOSPC', message: pattern });
      } finally {
        runSync('umount', [bind]);
        runSync('rmdir', [bind]);
      }
      assert.deepEqual(present(disk), old);
      assert.deepEqual(journalsIn(disk), []);
    }
  });
});

for (const [type, make] of [
  ['btrfs', ['mkfs.btrfs', '-q']],
  ['xfs', ['mkfs.xfs', '-q', '-m', 'reflink=1']],
] as const) {
  describe(`a copy on ${type}`, () => {
    const mount = path.join(scratch, type);
    after(() => runSync('umount', ['--lazy', mount]));
    before(() => {
      const disk = `${mount}.img`;
      writeFileSync(disk, '');
      truncateSync(disk, 512 * mega);
      const [program, ...options] = make;
      runSync(program, [...options, disk]);
      mkdirSync(mount);
      runSync('mount', ['-o', 'loop', disk, mount]);
    });

    it('shares its blocks with the original, larger than what is free', async () => {
      const source = path.join(mount, 'tree');
      mkdirSync(source);
      writeFilled(path.join(source, 'large'), 100);
      for (let i = 0; i < 8; i++) {
        await copyImage(
          { source, staged: path.join(mount, `tree-${i}`), path: '/etc/portables/tree' },
          quiet,
        );
        const file = { source: path.join(source, 'large'), staged: path.join(mount, `file-${i}`) };
        await copyImage({ ...file, path: '/etc/portables/file' }, quiet);
      }
      assert.deepEqual(
        readFileSync(path.join(mount, 'tree-7/large')),
        readFileSync(path.join(source, 'large')),
      );
    });

    if (type === 'btrfs') {
      it('of a subvolume is one, made at once, and goes like any other', async () => {
        const source = path.join(mount, 'volume');
        runSync('btrfs', ['subvolume', 'create', source]);
        writeFileSync(path.join(source, 'file'), 'content');
        runSync('btrfs', ['property', 'set', '-ts', source, 'ro', 'true']);
        const staged = path.join(mount, 'volume-copy');
        await copyImage({ source, staged, path: '/etc/portables/volume' }, quiet);
        assert.equal(statSync(staged).ino, 256);
        assert.equal(readFileSync(path.join(staged, 'file'), 'utf8'), 'content');
        writeFileSync(path.join(staged, 'file'), 'the copy can be written to');
        await removeTree(staged);
        assert.equal(existsSync(staged), false);
        // elsewhere it is a directory
        const elsewhere = path.join(scratch, 'volume-copy');
        await copyImage({ source, staged: elsewhere, path: '/etc/portables/volume' }, quiet);
        assertSame(elsewhere, source);
      });
    }
  });
}
