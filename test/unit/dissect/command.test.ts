/** The command portabled-dissect, run as people run it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { packTree, writeDisk } from '../../support/disk-images.ts';
import { types } from '../../support/partition-tables.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('dissect', '/dev/shm');
const program = join(import.meta.dirname, '../../../src/bin/portabled-dissect.ts');
const tsx = ['--import', import.meta.resolve('tsx')];
const binary = Buffer.from(Array.from({ length: 1_500_000 }, (_, i) => (i * 7) % 256));

interface Ran {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function run(...args: readonly string[]): Ran {
  const options = { cwd: scratch, env: { ...process.env, NO_COLOR: '' }, maxBuffer: 1 << 28 };
  const { status, stdout, stderr } = spawnSync(process.execPath, [...tsx, program, ...args], options);
  return { status, stdout, stderr: stderr.toString() };
}

before(() => {
  const tree = join(scratch, 'tree');
  const put = (file: string, content: string | Buffer): void => {
    mkdirSync(join(tree, file, '..'), { recursive: true });
    writeFileSync(join(tree, file), content);
  };
  put('usr/lib/os-release', 'ID=test\nVERSION_ID="1 2"\nPORTABLE_PREFIXES="one two"\n');
  put('usr/lib/extension-release.d/extension-release.foo', 'ID=_any\n');
  put('etc/extension-release.d/extension-release.foo', 'ID=_any\nCONFEXT_SCOPE=portable\n');
  put('usr/lib/systemd/system/one-a.service', '[Service]\nExecStart=/bin/true\n');
  put('usr/lib/systemd/user/two.service', '[Service]\nExecStart=/bin/true\n');
  put('data/binary', binary);
  put('data/\u001b[31mred', 'x');
  symlinkSync('/usr/lib/os-release', join(tree, 'etc/os-release'));
  const contents = packTree(tree, scratch);
  const root = { type: types.root, label: 'foo_1', content: contents.squashfs };
  writeDisk(join(scratch, 'foo.raw'), {
    label: 'gpt',
    parts: [root, { type: types.home, content: contents.ext4 }],
  });
});

describe('portabled-dissect', () => {
  it('shows what an image is', () => {
    for (const image of ['foo.raw', 'squashfs.img', 'erofs.img', 'ext4.img', 'tree']) {
      const { status, stdout, stderr } = run(image);
      assert.deepEqual([status, stderr], [0, ''], image);
      const text = stdout.toString();
      assert.match(text, /Use as: portable service, system extension, configuration extension\n/);
      assert.match(text, /Prefixes: one two\n/);
      assert.match(text, /^OS release \(\/etc\/os-release\)\n {2}ID=test\n {2}VERSION_ID=1 2\n/m);
      assert.match(text, /^Units\n {2}one-a.service\n\nUser units\n {2}two.service\n/m);
      assert.doesNotMatch(text, /\u001b/);
    }
    const disk = run('foo.raw').stdout.toString();
    assert.match(disk, /Type: raw image, squashfs in a GPT\n/);
    assert.match(disk, /Image policy: root=read-only-off\+growfs-off\+squashfs:home=.*ext4:=absent\n/);
    assert.match(disk, /^ro root +squashfs +\S+ unprotected - +1 x86-64 +foo_1 [0-9a-f-]{36}\n/m);
    assert.doesNotMatch(run('--no-legend', 'foo.raw').stdout.toString(), /DESIGNATOR/);
  });

  it('prints it as JSON', () => {
    const { stdout } = run('--json=short', 'foo.raw');
    assert.equal(stdout.toString().split('\n').length, 2);
    const report = JSON.parse(stdout.toString()) as Record<string, unknown>;
    const { name, fileSystem, partitionTable, sectorSize, osRelease, sysextRelease, confextRelease, units } =
      report;
    assert.deepEqual(
      { name, fileSystem, partitionTable, sectorSize, osRelease, sysextRelease, confextRelease, units },
      {
        name: 'foo',
        fileSystem: 'squashfs',
        partitionTable: 'gpt',
        sectorSize: 512,
        osRelease: ['ID=test', 'VERSION_ID=1 2', 'PORTABLE_PREFIXES=one two'],
        sysextRelease: ['ID=_any'],
        confextRelease: ['ID=_any', 'CONFEXT_SCOPE=portable'],
        units: ['one-a.service'],
      },
    );
    const mounts = report['mounts'] as readonly Record<string, unknown>[];
    assert.deepEqual(
      mounts.map(({ designator, fstype, partno, protection }) => [designator, fstype, partno, protection]),
      [
        ['root', 'squashfs', 1, 'unprotected'],
        ['home', 'ext4', 2, 'unprotected'],
      ],
    );
    assert.match(run('--json', 'foo.raw').stdout.toString(), /^{\n\t"name": "foo",\n/);
  });

  it('lists and prints files', () => {
    const { status, stdout } = run('--list', 'squashfs.img');
    assert.equal(status, 0);
    const files = stdout.toString().trimEnd().split('\n');
    assert.deepEqual(files.slice(0, 5), ['/', 'data/', 'data/\u001b[31mred', 'data/binary', 'etc/']);
    assert.ok(files.includes('usr/lib/systemd/system/one-a.service'));
    for (const image of ['squashfs.img', 'erofs.img', 'ext4.img', 'tree']) {
      assert.deepEqual(run('--cat', '/data/binary', image).stdout, binary, image);
    }
    assert.match(run('--cat=etc/os-release', 'tree').stdout.toString(), /^ID=test\n/);
  });

  it('says what is wrong, and what to try', () => {
    const failures: readonly (readonly [args: readonly string[], status: number, message: RegExp])[] = [
      [
        ['fooo.raw'],
        1,
        /^cannot open 'fooo.raw': no such file or directory\nHint: did you mean 'foo.raw'\?\n$/,
      ],
      [['/dev/null'], 1, /^'\/dev\/null' is no raw image, block device or directory\n$/],
      [[program], 1, /^no suitable partition table or file system was found in '.*'\nHint: /],
      [
        ['--cat', '/usr/lib/os-releas', 'tree'],
        1,
        /^there is no '\/usr\/lib\/os-releas' in '.*tree'\nHint: did you mean '\/usr\/lib\/os-release'\?\n$/,
      ],
      [['--cat', '/usr', 'tree'], 1, /^'\/usr' in '.*tree' is a directory, not a regular file\n$/],
      [[], 2, /^no image is named\nHint: try 'portabled-dissect --help'\n$/],
      [['a', 'b'], 2, /^one image at a time/],
      [['--lits', 'a'], 2, /^unknown option '--lits', did you mean '--list'\?\nHint: /],
      [
        ['--json=prety', 'a'],
        2,
        /^There is no JSON mode 'prety', did you mean 'pretty'\?\nHint: --json= knows off, short, pretty\n$/,
      ],
      [['--list', '--json', 'a'], 2, /^--list and --json do not go together\n/],
    ];
    for (const [args, status, message] of failures) {
      const ran = run(...args);
      assert.equal(ran.status, status, args.join(' '));
      assert.match(ran.stderr, message);
      assert.equal(ran.stdout.length, 0);
    }
  });

  it('needs no privileges, but to read the file', () => {
    const powerless = (image: string): Ran => {
      const drop: readonly string[] =
        process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];
      const [first, ...rest] = [...drop, process.execPath, ...tsx, program, image];
      const { status, stdout, stderr } = spawnSync(first, rest, { cwd: scratch });
      return { status, stdout, stderr: stderr.toString() };
    };
    const { status: fine, stderr: quiet } = powerless('foo.raw');
    assert.deepEqual([fine, quiet], [0, '']);
    const secret = join(scratch, 'secret.raw');
    writeFileSync(secret, '', { mode: 0 });
    const { status, stderr } = powerless('secret.raw');
    assert.equal(status, 1);
    assert.match(stderr, /permission denied/);
    rmSync(secret);
  });

  it('ends quietly when nobody reads on', () => {
    const shell = 'exec 3>&1; { "$@" 2>&3; echo "status $?" >&3; } | true';
    const words = [process.execPath, ...tsx, program, '--cat', '/data/binary', 'tree'];
    const { stdout } = spawnSync('sh', ['-c', shell, 'sh', ...words], { cwd: scratch });
    assert.equal(stdout.toString(), 'status 0\n');
  });

  it('shows its help and version', () => {
    assert.match(run('--help').stdout.toString(), /^Usage: portabled-dissect /);
    assert.match(run('--version').stdout.toString(), /^portabled-dissect \d+\.\d+\.\d+\n$/);
  });
});
