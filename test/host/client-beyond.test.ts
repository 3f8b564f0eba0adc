/**
 * What our client does beyond the session that client.test.ts types at both: dry runs of everything, profiles by path,
 * templates, and containers.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootHost, type Host } from './host.ts';
import { idleService, writeImageTree } from './images.ts';
import { withPortabled } from './install-portabled.ts';
import { serveBy } from './serving.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';
import { diffSnapshots, portableTrees, snapshotHost, type TreeSnapshot } from './tree-snapshot.ts';

const clients = { systemd: '/usr/bin/portablectl', ours: '/usr/local/bin/portablectl' } as const;

for (const suite of chosenSuites(process.env, ['forky'])) {
  describe(`portablectl beyond systemd's on systemd ${suites[suite]}`, () => {
    let host: Host;
    const trees = [...portableTrees, '/etc/systemd/system', '/run/systemd/system'];
    const tree = async (): Promise<TreeSnapshot> => snapshotHost(host, { trees });
    /** Runs our client, which must succeed. @returns what it says of the changes */
    const ok = async (...words: readonly string[]): Promise<readonly string[]> => {
      const { exitCode, stderr } = await host.run([clients.ours, ...words]);
      assert.equal(exitCode, 0, `${words.join(' ')}: ${stderr}`);
      return stderr.split('\n').filter((line) => line !== '');
    };

    before(async () => {
      host = await bootHost({ ...hostSettings(process.env), suite, ...withPortabled() });
      await putImages(host);
      await serveBy(host, 'ours');
    });
    after(() => host.stop());

    it('tells in a dry run what is done then, and changes nothing', async () => {
      await host.write('/srv/mine.conf', '[Service]\nNoNewPrivileges=yes\n');
      const first = '(Nothing is changed. This is what would be done.)';
      for (const words of [
        ['attach', '-p', '/srv/mine.conf', '/srv/app_1'],
        ['attach', '--copy=symlink', '--runtime', '/srv/other_1'],
        ['reattach', '-p', 'strict', '/srv/app_2'],
        ['reattach', '--copy=mixed', '/srv/app_1'],
        ['detach', '--runtime', '/srv/other_1'],
        ['attach', '--copy=copy', '/srv/other_1'],
        ['detach', '/srv/app_1', '/srv/other_1'],
      ]) {
        const was = await tree();
        const planned = await ok(...words, '--dry-run');
        assert.deepEqual(diffSnapshots(was, await tree()), [], words.join(' '));
        assert.deepEqual(planned, [first, ...(await ok(...words))], words.join(' '));
        assert.notDeepEqual(diffSnapshots(was, await tree()), [], words.join(' '));
      }
    });

    it('takes a profile by its path, for the unit types it is for', async () => {
      await host.write('/srv/kinds/service.conf', '[Service]\nNoNewPrivileges=yes\n');
      await host.write('/srv/kinds/socket.conf', '[Socket]\nBacklog=7\n');
      await ok('attach', '-q', '-p', '/srv/kinds', '/srv/app_1');
      const dropIns = '/etc/systemd/system.attached';
      assert.equal(
        await host.read(`${dropIns}/app.service.d/10-profile.conf`),
        await host.read('/srv/kinds/service.conf'),
      );
      assert.match(await host.check(['systemctl', 'show', '-P', 'Backlog', 'app.socket']), /^7$/m);
      await ok('detach', '-q', '/srv/app_1');
      const { exitCode, stderr } = await host.run([
        clients.ours,
        'attach',
        '-p',
        './none.conf',
        '/srv/app_1',
      ]);
      assert.deepEqual([exitCode, stderr.includes('none.conf')], [1, true], stderr);
    });

    it('enables, starts and cleans templates as far as that goes, and no less than systemd’s client', async () => {
      for (const daemon of ['systemd', 'ours'] as const) {
        await serveBy(host, daemon);
        const [theirs, ours] = [
          await templateSession(host, clients.systemd),
          await templateSession(host, clients.ours),
        ];
        // systemd's goes on and fails: the instance runs on, and what it has kept stays
        assert.deepEqual(ours.attached, theirs.attached, daemon);
        assert.deepEqual(ours.enabled, theirs.enabled, daemon);
        assert.deepEqual(theirs.left, {
          code: 1,
          running: ['app@two.service'],
          links: [],
          state: ['app-app@two.service'],
        });
        assert.deepEqual(ours.running, ['app.service', 'app@two.service'], daemon);
        assert.deepEqual(ours.left, { code: 0, running: [], links: [], state: [] }, daemon);
      }
    });

    it('calls ssh with the very words of systemd’s client', async () => {
      await host.write('/srv/ssh', '#!/bin/sh\nprintf "[%s]" "$@" >>/srv/called\nexit 9\n', 0o755);
      const called = async (client: string, where: string): Promise<string> => {
        await host.check(['rm', '-f', '/srv/called']);
        await host.run([client, '-H', where, 'list'], { env: { SYSTEMD_SSH: '/srv/ssh' } });
        return host.run(['cat', '/srv/called']).then(({ stdout }) => stdout);
      };
      const calls = { theirs: [] as string[], ours: [] as string[] };
      for (const where of [
        'there',
        'me@there',
        'there:22',
        'me@there:2222/box',
        'there/box',
        '[fe80::1]:22',
      ]) {
        calls.theirs.push(await called(clients.systemd, where));
        calls.ours.push(await called(clients.ours, where));
      }
      assert.doesNotMatch(calls.theirs.join(), /^,|,,|,$/);
      assert.deepEqual(calls.ours, calls.theirs);
    });

    it('goes into containers', async () => {
      const box = await bootContainer(host);
      try {
        await serveBy(host, 'ours');
        for (const client of [clients.systemd, clients.ours]) {
          const list = await host.check([client, '-M', 'box', '--no-pager', 'list']);
          assert.match(list, /^inside +directory +no .* detached/m);
        }
        await ok('-M', 'box', 'attach', '--now', '-q', 'inside');
        assert.equal(await host.check(['systemctl', '-M', 'box', 'is-active', 'inside.service']), 'active\n');
        assert.equal(await host.check([clients.systemd, '-M', 'box', 'is-attached', 'inside']), 'running\n');
        await ok('--machine=box', 'detach', '--now', '-q', 'inside');
        const { stderr } = await host.run([clients.ours, '-M', 'box', 'attach', '/srv/inside']);
        assert.match(stderr, /^Images of other machines are named, not given by path\.$/m);
      } finally {
        await box.stop();
      }
      const gone = await host.run([clients.ours, '-M', 'box', 'list']);
      assert.equal(gone.exitCode, 1);
      assert.match(
        gone.stderr,
        /^Cannot connect to the system bus of the container 'box': .*\nHint: machinectl/m,
      );
    });
  });
}

interface TemplateSession {
  readonly attached: TreeSnapshot;
  readonly enabled: readonly string[];
  readonly running: readonly string[];
  readonly left: {
    readonly code: number;
    readonly running: readonly string[];
    readonly links: readonly string[];
    readonly state: readonly string[];
  };
}

/** Attaches, enables and starts, starts an instance, detaches and cleans. */
async function templateSession(host: Host, client: string): Promise<TemplateSession> {
  const lines = async (...command: readonly string[]): Promise<readonly string[]> =>
    (await host.run(command)).stdout
      .split('\n')
      .filter((line) => line !== '')
      .sort();
  const running = async (): Promise<readonly string[]> =>
    (await lines('systemctl', 'list-units', '--no-legend', '--plain', '--state=active', 'app*.service')).map(
      (line) => line.split(' ')[0] ?? '',
    );
  const links = (): Promise<readonly string[]> =>
    lines('find', '/etc/systemd', '-path', '*multi-user.target.wants/app*');
  await host.run([client, 'attach', '-q', '--enable', '--now', 'tmpl_1', 'app']);
  // services make mount points in their images
  const [attached, enabled] = [
    await snapshotHost(host, { trees: portableTrees.slice(0, -1) }),
    await links(),
  ];
  await host.check(['systemctl', 'start', 'app@two.service']);
  const runningThen = await running();
  const { exitCode } = await host.run([
    client,
    'detach',
    '-q',
    '--enable',
    '--now',
    '--clean',
    'tmpl_1',
    'app',
  ]);
  const left = {
    code: exitCode,
    running: await running(),
    links: await links(),
    state: (await lines('ls', '/var/lib')).filter((name) => name.startsWith('app-')),
  };
  await host.run(['systemctl', 'stop', 'app.service', 'app@two.service']);
  await host.run([clients.ours, 'detach', '-q', '--force', '--enable', 'tmpl_1']);
  await host.check(['sh', '-c', 'rm -rf /var/lib/app-*']);
  return { attached, enabled, running: runningThen, left };
}

async function putImages(host: Host): Promise<void> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'client-beyond-'));
  const socket = '[Socket]\nListenStream=/run/app\n';
  const service = `${idleService}StateDirectory=app-%n\n[Install]\nWantedBy=multi-user.target\n`;
  const images: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'srv/app_1': { 'app.service': idleService, 'app.socket': socket },
    'srv/app_2': { 'app.service': idleService, 'app-more.service': idleService },
    'srv/other_1': { 'other.service': idleService },
    'var/lib/portables/tmpl_1': { 'app.service': service, 'app@.service': `${service}DefaultInstance=one\n` },
    'srv/inside': { 'inside.service': idleService },
  };
  try {
    for (const [at, units] of Object.entries(images)) {
      const states = ['app-app.service', 'app-app@one.service', 'app-app@two.service'];
      const directories = states.map((name) => `var/lib/${name}`);
      await writeImageTree(path.join(scratch, at), { units, directories });
      await host.copyIn(path.join(scratch, at), `/${at}`);
    }
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** A container in the host that machinectl(1) knows, with the host's own system and an image of its own. */
async function bootContainer(host: Host): Promise<{ stop(): Promise<void> }> {
  const script = `
    mkdir -p /mnt && mount -t tmpfs tmpfs /mnt && mkdir /mnt/low /mnt/up /mnt/work /mnt/root
    mount --bind / /mnt/low
    mount -t overlay overlay -o lowerdir=/mnt/low,upperdir=/mnt/up,workdir=/mnt/work /mnt/root ||
      cp -a /mnt/low/. /mnt/root
    rm -rf /mnt/root/var/lib/portables && mkdir -p /mnt/root/var/lib/portables
    cp -a /srv/inside /mnt/root/var/lib/portables/inside
    exec systemd-run -q --unit=box -p Delegate=yes -p KillMode=mixed -E SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 \\
      systemd-nspawn -D /mnt/root --boot --machine=box --private-network --capability=all --resolv-conf=off \\
      --timezone=off --link-journal=no --console=pipe --bind-ro=/usr/local/bin/node --bind-ro="$1"`;
  await host.check(['sh', '-euc', script, 'sh', process.execPath]);
  for (let i = 0; ; i++) {
    const { stdout } = await host.run(['systemctl', '-M', 'box', 'is-system-running']);
    if (/running|degraded/.test(stdout)) break;
    if (i > 300) throw new Error(await host.check(['journalctl', '-q', '-u', 'box']));
    await sleep(100);
  }
  return {
    stop: async () => {
      await host.check(['machinectl', 'terminate', 'box']);
      await host.check(['sh', '-c', 'while machinectl show box >/dev/null 2>&1; do sleep 0.1; done']);
    },
  };
}
