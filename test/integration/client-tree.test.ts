/** portablectl --root: a tree of an ordinary user's, without a daemon, a bus or a systemd. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { execa } from 'execa';

import { repository } from '../../src/install/layout.ts';
import { bundledPrograms } from '../support/client.ts';
import { imageContent, unit, writeTree } from '../support/portable-root.ts';
import { runSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { snapshot } from '../support/snapshot.ts';

const wanted = `${unit}[Install]\nWantedBy=multi-user.target\n`;
const user = 65534;
const scratch = scratchDirectory('client-tree');
const { program } = await bundledPrograms();
const installed = path.dirname(program.at(-1) ?? '');
cpSync(path.join(repository, 'systemd/profile'), path.join(installed, 'profile'), { recursive: true });
for (const directory of [scratch, installed]) chmodSync(directory, 0o755);

let count = 0;
/** A tree with two images, which belongs to the user. */
function newTree(): string {
  const tree = path.join(scratch, String(++count));
  for (const name of ['one', 'two']) {
    const where = name === 'one' ? 'var/lib/portables/one' : 'srv/two_1';
    writeTree(path.join(tree, where), imageContent({ [`/usr/lib/systemd/system/${name}.service`]: wanted }));
  }
  runSync('chown', ['-R', `${user}:${user}`, tree]);
  return tree;
}

interface Result {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** As a user without any rights, in an environment without any bus. */
async function run(cwd: string, before: readonly string[], ...args: readonly string[]): Promise<Result> {
  const words = [
    '--reuid',
    String(user),
    '--regid',
    String(user),
    '--clear-groups',
    '--',
    ...before,
    ...program,
  ];
  const { exitCode, stdout, stderr } = await execa('setpriv', [...words, ...args], {
    cwd,
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nonexistent',
    },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  return { code: exitCode, stdout, stderr };
}

/** Runs what must succeed. @returns its output */
async function ok(tree: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(tree, [], `--root=${tree}`, ...args);
  assert.equal(code, 0, stderr);
  return stdout + stderr;
}

async function fails(tree: string, ...args: readonly string[]): Promise<string> {
  const { code, stderr } = await run(tree, [], ...args);
  assert.equal(code, 1, stderr);
  return stderr;
}

describe('portablectl --root', () => {
  it('attaches and enables several images, and takes them off again', async () => {
    const tree = newTree();
    const before = snapshot(tree);
    const planned = await ok(tree, 'attach', 'one', './srv/two_1', '--enable', '--dry-run');
    assert.deepEqual(snapshot(tree), before);
    const done = await ok(tree, 'attach', 'one', `${tree}/srv/two_1`, '--enable');
    assert.equal(planned, `(Nothing is changed. This is what would be done.)\n${done}`);
    const wants = `${tree}/etc/systemd/system/multi-user.target.wants`;
    assert.equal(readlinkSync(`${wants}/two.service`), '/etc/systemd/system.attached/two.service');
    assert.equal(readlinkSync(`${tree}/etc/portables/two_1`), '/srv/two_1');
    assert.match(await ok(tree), /^one +directory .*enabled\ntwo_1 .*enabled\n/m);
    assert.equal(await ok(tree, 'is-attached', '/srv/two_1'), 'enabled');
    const inspected = JSON.parse(await ok(tree, 'inspect', 'one', '--json=short')) as { image: string };
    assert.equal(inspected.image, '/var/lib/portables/one');
    const report = JSON.parse(await ok(tree, 'detach', 'one', 'two_1', '--enable', '--json=short')) as {
      links: { path: string }[];
      reloaded: boolean;
    };
    assert.deepEqual(
      [report.reloaded, report.links.map((link) => path.basename(link.path)).sort()],
      [false, ['one.service', 'two.service']],
    );
    const left = snapshot(tree).filter((line) => !before.includes(line));
    assert.deepEqual(
      left.map((line) => line.split(' ')[0]),
      ['/etc', '/etc/portables', '/etc/systemd', '/etc/systemd/system'],
    );
  });

  it('does what docs/offline.md shows', async () => {
    const page = readFileSync(path.join(repository, 'docs/offline.md'), 'utf8');
    const [, script = ''] = /```sh\n([^]*?)```/.exec(page) ?? [];
    const directory = path.join(scratch, 'shown');
    writeTree(
      path.join(directory, 'app_1.0'),
      imageContent({ '/usr/lib/systemd/system/app.service': wanted }),
    );
    runSync('chown', ['-R', `${user}:${user}`, directory]);
    const bin = path.join(scratch, 'bin');
    mkdirSync(bin);
    const quoted = program.map((word) => `'${word}'`).join(' ');
    writeFileSync(path.join(bin, 'portablectl'), `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
    const as = ['--reuid', String(user), '--regid', String(user), '--clear-groups', '--'];
    const { stdout } = await execa('setpriv', [...as, 'sh', '-euc', script], {
      cwd: directory,
      env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
      extendEnv: false,
    });
    assert.match(stdout, /^app_1\.0 +directory .*enabled$/m);
  });

  it('is all or nothing', async () => {
    const tree = newTree();
    const before = snapshot(tree);
    assert.match(
      await fails(tree, `--root=${tree}`, 'attach', 'one', '/srv/none'),
      /'\/srv\/none'.*no such file/,
    );
    assert.deepEqual(snapshot(tree), before);
  });

  it('says what does not go', async () => {
    const tree = newTree();
    assert.match(await fails(tree, '--root=nowhere'), /nowhere'.*no such file.*\nHint: /);
    assert.match(await fails(tree, '--root=srv/two_1/usr/lib/os-release'), /not a directory/);
    assert.match(
      await fails(scratch, `--root=${tree}`, 'attach', './elsewhere.raw'),
      /is not in .*\nHint: copy/,
    );
    assert.match(
      await fails(tree, '--root=', 'list'),
      /needs the directory that holds the tree, not nothing/,
    );
    assert.match(
      await fails(tree, '--root=.', 'attach', 'one', 'tow'),
      /has no unit files that match 'tow'\nHint: its units are 'one\.service'/,
    );
    await ok(tree, 'attach', 'one');
    assert.match(
      await fails(tree, '--root=.', 'attach', 'one'),
      /^The unit 'one\.service' exists.*\nHint: 'one' is attached already; reattach/m,
    );
    assert.match(await fails(tree, '--root=.', 'attach', 'one', '--now'), /--root= and --now/);
    assert.match(
      await fails(tree, '--root=.', 'attach', 'onw'),
      /no image 'onw'\nHint: did you mean 'one'\?/,
    );
    assert.match(await fails(tree, '--root=.', 'remove', 'one', '--dry-run'), /remove has no --dry-run/);
  });

  it('is recovered by the next change when it is killed', async () => {
    const ends = new Map<string, number>();
    for (const call of ['mkdir', 'symlink', 'link', 'rename']) {
      for (const nth of [1, 2, 3, 5]) {
        const tree = newTree();
        const inject = `inject=${call}:signal=SIGKILL:when=${nth}`;
        const strace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
        const killed = await run(tree, strace, `--root=${tree}`, 'attach', 'one', '/srv/two_1', '--enable');
        // a change that is refused, but not before what was interrupted is ended
        assert.match(
          await fails(tree, `--root=${tree}`, 'detach', 'none'),
          /^No units of 'none' are attached/m,
        );
        const states = ['one', '/srv/two_1'].map((image) => ok(tree, 'is-attached', image));
        const end = `${killed.code === 0 ? 'done' : 'killed'}: ${(await Promise.all(states)).join(' ')}`;
        ends.set(end, (ends.get(end) ?? 0) + 1);
        const left = snapshot(tree).filter((line) => /\.#portabled|transactions/.test(line));
        assert.deepEqual(left, [], `${call} ${nth}`);
      }
    }
    const allowed = ['done: enabled enabled', 'killed: enabled enabled', 'killed: detached detached'];
    assert.deepEqual(
      [...ends.keys()].filter((end) => !allowed.includes(end)),
      [],
    );
    assert.ok((ends.get('killed: detached detached') ?? 0) >= 4, JSON.stringify([...ends]));
  });
});
