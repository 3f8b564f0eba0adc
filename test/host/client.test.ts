/**
 * The same session typed at systemd's portablectl and at ours, against systemd's daemon and against ours: the same exit
 * codes, the same text on standard output, the same host after every command. What is meant to differ is listed here,
 * and explained in docs/differences.md. And what a person sees: on terminals of several widths, asked for a password.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { displayWidth } from '../../src/terminal/width.ts';
import { bootHost, tester, type Host, type RunResult } from './host.ts';
import { idleService, writeImageTree, writeSquashfsImage } from './images.ts';
import { withPortabled } from './install-portabled.ts';
import { serveBy, type Daemon } from './serving.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';
import { diffSnapshots, snapshotHost, type TreeSnapshot } from './tree-snapshot.ts';

const clients = { systemd: '/usr/bin/portablectl', ours: '/usr/local/bin/portablectl' } as const;
type Client = keyof typeof clients;

/** What is typed, one after another. */
const session: readonly (readonly string[])[] = [
  ['list'],
  [],
  ['list', '--no-legend'],
  ['inspect', 'web_1'],
  ['inspect', '--cat', 'web_1', 'web-worker'],
  ['inspect', '-q', '/srv/web_2.raw', '-'],
  ['inspect', '--extension', '/srv/plus.raw', 'web_1'],
  ['inspect', 'nothing'],
  ['inspect', 'web_1', 'nothing'],
  ['inspect', '/srv/nothing'],
  ['is-attached', 'web_1'],
  ['is-attached', '/srv/nothing'],
  ['detach', 'web_1'],
  ['attach', '--copy=bogus', 'web_1'],
  ['attach', 'web_1', '-'],
  ['attach', 'we@b'],
  ['attach'],
  ['list', 'more'],
  ['bogus'],
  ['--bogus'],
  ['--no', 'list'],
  ['--now=1', 'list'],
  ['attach', '--now', '--enable', 'web_1'],
  ['is-attached', 'web_1'],
  ['is-attached', '-q', 'web_1'],
  ['list'],
  ['attach', 'web_1'],
  ['detach', 'web_1'],
  ['reattach', '--now', '--enable', '-p', 'nonetwork', '/srv/web_2.raw'],
  ['is-attached', '/srv/web_2.raw'],
  ['reattach', 'other'],
  ['detach', '--now', '--enable', '--clean', '/srv/web_2.raw'],
  ['is-attached', '/srv/web_2.raw'],
  ['attach', '--runtime', '--now', '--no-block', '--copy=symlink', '/srv/web_2.raw', 'web-worker'],
  ['detach', '--runtime', '--now', '/srv/web_2.raw', 'web-worker'],
  ['attach', '--no-reload', '-q', '--extension', '/srv/plus.raw', 'web_1'],
  ['is-attached', '--extension', '/srv/plus.raw', 'web_1'],
  ['detach', '--extension', '/srv/plus.raw', 'web_1'],
  ['attach', '--force', 'web_1'],
  ['attach', '--force', 'web_1', 'web'],
  ['detach', '--force', 'web_1'],
  ['read-only', 'other', 'yes'],
  ['list'],
  ['read-only', 'other', 'no'],
  ['read-only', 'other', 'perhaps'],
  ['set-limit', 'other', '5K'],
  ['set-limit', '4.5G'],
  ['set-limit', '5KB'],
  ['remove', 'nothing'],
  ['attach', '-q', 'other'],
  ['remove', 'other'],
  ['detach', '-q', 'other'],
  ['-M', '.host', 'list', '--no-legend'],
  ['-M', '.host', 'inspect', '/srv/web_2.raw'],
  ['-M', 'nothing', 'list'],
  ['--user', '-H', 'nothing', 'list'],
  ['remove', 'other'],
  ['list'],
];

/** Where the daemons differ, whatever the client: links to images that are in the search path, and their state. */
const daemonsDiffer = /^\/(etc|run)\/portables[/:]|^\/(etc|run)\/systemd\/system\.attached\//;

interface Step {
  readonly words: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly running: string;
  readonly tree: TreeSnapshot;
}

for (const suite of chosenSuites(process.env, ['forky'])) {
  describe(`portablectl on systemd ${suites[suite]}`, () => {
    let host: Host;
    const steps = new Map<string, readonly Step[]>();
    const of = (client: Client, daemon: Daemon): readonly Step[] => steps.get(`${client} ${daemon}`) ?? [];

    before(async () => {
      host = await bootHost({ ...hostSettings(process.env), suite, ...withPortabled() });
      await putImages(host);
      for (const daemon of ['systemd', 'ours'] as const) {
        await serveBy(host, daemon);
        for (const client of ['systemd', 'ours'] as const)
          steps.set(`${client} ${daemon}`, await runSession(host, client));
      }
    });
    after(() => host.stop());

    for (const daemon of ['systemd', 'ours'] as const) {
      const name = daemon === 'ours' ? 'our daemon' : "systemd's daemon";
      it(`ours and systemd's do the same with ${name}`, () => {
        const [theirs, ours] = [of('systemd', daemon), of('ours', daemon)];
        assert.equal(ours.length, session.length);
        for (const [i, step] of ours.entries()) {
          const their = theirs[i]!;
          const shown = `${step.words}\n${their.stderr}---\n${step.stderr}`;
          assert.equal(step.code, their.code, shown);
          assert.equal(step.stdout, their.stdout, shown);
          assert.equal(step.running, their.running, shown);
          assert.deepEqual(diffSnapshots(their.tree, step.tree), [], shown);
        }
      });
    }

    it('ours does the same with both daemons, but for what the daemons themselves do differently', () => {
      const [theirs, ours] = [of('ours', 'systemd'), of('ours', 'ours')];
      for (const [i, step] of ours.entries()) {
        const their = theirs[i]!;
        const shown = `${step.words}\n${their.stderr}---\n${step.stderr}`;
        assert.deepEqual([step.code, step.running], [their.code, their.running], shown);
        assert.equal(step.stdout, their.stdout, step.words);
        const diff = diffSnapshots(their.tree, step.tree).filter(
          (line) => !daemonsDiffer.test(line.slice(2)),
        );
        assert.deepEqual(diff, [], step.words);
      }
    });

    it('is as wide as the terminal, and as colourful', async () => {
      const wide = await onTerminal(host, 80, `${clients.systemd} --no-pager list`);
      assert.equal(await onTerminal(host, 80, `${clients.ours} --no-pager list`), wide);
      const narrow = await onTerminal(host, 40, `${clients.ours} --no-pager list`);
      assert.match(narrow, /\u001b\[4mNAME/);
      for (const line of withoutStyles(narrow).split('\r\n')) assert.ok(displayWidth(line) <= 40, line);
      for (const plain of ['NO_COLOR=1', 'SYSTEMD_COLORS=0', 'TERM=dumb'])
        assert.doesNotMatch(await onTerminal(host, 80, `${plain} ${clients.ours} --no-pager lst`), /\u001b/);
      assert.match(
        await onTerminal(host, 80, `${clients.ours} --no-pager lst`),
        /\u001b\[1;31mThere is no command 'lst', did you mean 'list'\?\u001b\[0m/,
      );
      assert.doesNotMatch((await host.run([clients.ours, 'list'])).stdout, /\u001b/);
    });

    it('goes through a pager on a terminal, and ends with its reader', async () => {
      const paged = await onTerminal(host, 80, `SYSTEMD_PAGER='sed s/^/paged:/' ${clients.ours} list`);
      assert.match(paged, /^paged:.*NAME/);
      const headed = await host.run([
        'sh',
        '-c',
        `${clients.ours} --help | head -1; ${clients.ours} list | true`,
      ]);
      assert.deepEqual([headed.exitCode, headed.stderr], [0, '']);
      assert.equal(headed.stdout, 'portablectl [OPTION…] COMMAND …\n');
    });

    it('plans without doing', async () => {
      const was = await snapshotHost(host);
      const plan = await host.run([clients.ours, 'attach', '--dry-run', '--now', 'web_1']);
      assert.equal(plan.exitCode, 0, plan.stderr);
      assert.match(plan.stderr, /^Copied .* → \/etc\/systemd\/system\.attached\/web\.service\.$/m);
      assert.match(plan.stderr, /^Would start web\.service\.$/m);
      assert.deepEqual(diffSnapshots(was, await snapshotHost(host)), []);
      const refused = await host.run([clients.ours, 'remove', '--dry-run', 'web_1']);
      assert.deepEqual([refused.exitCode, refused.stderr.split('\n')[0]], [1, 'remove has no --dry-run.']);
    });

    it('takes the path of a profile with our daemon, and refuses it with systemd’s', async () => {
      await host.write('/srv/mine.conf', '[Service]\nNoNewPrivileges=yes\n');
      await serveBy(host, 'systemd');
      const refused = await host.run([clients.ours, 'attach', '-p', '/srv/mine.conf', 'web_1']);
      assert.equal(refused.exitCode, 1);
      assert.match(refused.stderr, /systemd-portabled knows profiles by name only/);
      await serveBy(host, 'ours');
      await host.check([clients.ours, 'attach', '-q', '-p', '/srv/mine.conf', 'web_1']);
      assert.match(await host.check(['systemctl', 'show', '-P', 'NoNewPrivileges', 'web.service']), /^yes$/m);
      await host.check([clients.ours, 'detach', '-q', 'web_1']);
    });

    it('attaches several images, enabled and started, with one reload', async () => {
      await host.check(['cp', '/srv/other.raw', '/var/lib/portables/other.raw']);
      const reloads = async (): Promise<number> => {
        const log = await host.check([
          'journalctl',
          '-q',
          '-o',
          'cat',
          '_PID=1',
          '-g',
          'Reload(ing)? (requested|finished)',
        ]);
        return log.split('\n').filter((line) => line.includes('equested')).length;
      };
      const was = await reloads();
      await host.check([clients.ours, 'attach', '-q', '--now', '--enable', 'web_1', 'other']);
      assert.equal((await reloads()) - was, 1);
      const units = ['web.service', 'other.service'];
      assert.equal(await host.check(['systemctl', 'is-active', ...units]), 'active\nactive\n');
      const wants = '/etc/systemd/system.attached/multi-user.target.wants';
      assert.equal(await host.check(['ls', wants]), 'other.service\nweb.service\n');
      assert.match(
        await host.check(['systemctl', 'show', '-P', 'Wants', 'multi-user.target']),
        /\bweb\.service\b/,
      );
      await host.check([clients.ours, 'detach', '-q', '--now', '--enable', 'web_1', 'other']);
    });

    it('asks for the password where somebody sits', async () => {
      await host.check(['sh', '-c', 'echo root:secret | chpasswd']);
      const words = `${clients.ours} read-only web_1 no`;
      const silent = await host.runAs(tester.uid, words.split(' '));
      assert.equal(silent.exitCode, 1);
      assert.match(silent.stderr, /Hint: try it as root/);
      // polkit wants an agent of the caller's own login session
      const session = `systemd-run -q --pty --wait -p User=${tester.name} -p PAMName=login -p WorkingDirectory=/`;
      const refusing = `script -qec '${session} ${words} --no-ask-password || echo refused' /dev/null`;
      const unasked = await host.run(['sh', '-c', refusing], { env: { TERM: 'xterm' } });
      assert.match(unasked.stdout, /leave out --no-ask-password[^]*refused/);
      assert.doesNotMatch(unasked.stdout, /Password:/);
      const typed = `(sleep 4; echo secret; sleep 2) | script -qec '${session} ${words} && echo worked' /dev/null`;
      const asked = await host.run(['sh', '-c', typed], { env: { TERM: 'xterm' } });
      assert.match(asked.stdout, /Password:/);
      assert.match(asked.stdout, /worked/);
    });
  });
}

/** The images of the session. */
async function putImages(host: Host): Promise<void> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'client-images-'));
  // the session starts them more often than systemd lets units start
  const idle = `[Unit]\nStartLimitIntervalSec=0\n${idleService}`;
  const service = `${idle}StateDirectory=web\n[Install]\nWantedBy=multi-user.target\n`;
  const units = { 'web.service': service, 'web-worker.service': idle };
  const osRelease = { ID: 'test', VERSION_ID: '1', PRETTY_NAME: 'Test', PORTABLE_PRETTY_NAME: 'Web' };
  const directories = ['var/lib/web', 'var/lib/private'];
  const fields = { ID: 'test', VERSION_ID: '1', SYSEXT_SCOPE: 'portable' };
  try {
    await writeImageTree(path.join(scratch, 'web_1'), { osRelease, units, directories });
    await host.copyIn(path.join(scratch, 'web_1'), '/srv/web_1');
    await writeSquashfsImage(host.path('/srv/web_2.raw'), { units, directories });
    await writeSquashfsImage(host.path('/srv/other.raw'), {
      units: { 'other.service': service.replace('web', 'other') },
      directories: ['var/lib/other', 'var/lib/private'],
    });
    await writeSquashfsImage(host.path('/srv/plus.raw'), {
      extension: { name: 'plus', kind: 'sysext', fields },
      units: { 'web-plus.service': idle },
    });
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function runSession(host: Host, client: Client): Promise<readonly Step[]> {
  await host.check(['cp', '-p', '/srv/other.raw', '/var/lib/portables/other.raw']);
  await host.check(['systemctl', 'reset-failed']);
  // services leave mount points in their directories, daemons empty directories for links
  await host.check(['rm', '-rf', '/etc/portables', '/run/portables', '/var/lib/portables/web_1']);
  await host.check(['cp', '-a', '/srv/web_1', '/var/lib/portables/web_1']);
  const steps: Step[] = [];
  for (const words of session) {
    const result: RunResult = await host.run([clients[client], ...words]);
    // jobs that nobody waited for
    await host.check(['sh', '-c', 'while [ -n "$(systemctl list-jobs --no-legend)" ]; do sleep 0.05; done']);
    const running = await host.run(['systemctl', 'is-active', 'web', 'web-worker', 'other']);
    steps.push({
      words: `portablectl ${words.join(' ')}`,
      code: result.exitCode,
      stdout: withoutTimes(result.stdout),
      stderr: result.stderr,
      // ours makes systemd forget that a unit it cleans has failed
      running: running.stdout.replaceAll('failed', 'inactive'),
      tree: await snapshotHost(host),
    });
  }
  return steps;
}

/** Times are those of the images, which are made anew. */
function withoutTimes(text: string): string {
  return text.replace(/[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]{3,4}/g, 'TIME');
}

async function onTerminal(host: Host, columns: number, command: string): Promise<string> {
  const inner = `stty cols ${columns} rows 50; ${command}`;
  const { stdout } = await host.run(['script', '-qec', inner, '/dev/null'], {
    env: { TERM: 'xterm-256color' },
  });
  return stdout;
}

function withoutStyles(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}
