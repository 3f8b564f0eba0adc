/**
 * The main job, end to end: the real portablectl attaches a real server from Debian's packages with our daemon, the server
 * runs from its image under its profile, a client gets an answer, a new version takes over, and nothing is left behind.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bootHost, tester, type Host } from './host.ts';
import { idleService, writeImageTree } from './images.ts';
import { withPortabled } from './install-portabled.ts';
import { askServer } from './server-client.ts';
import { serverUnit, writeServerImage } from './server-image.ts';
import { busOwner, killDaemon, serveBy } from './serving.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';
import { diffSnapshots, snapshotHost } from './tree-snapshot.ts';

const settings = hostSettings(process.env);
const unitFile = '/etc/systemd/system.attached/app.service';

for (const suite of chosenSuites(process.env, ['bookworm', 'trixie', 'forky'])) {
  describe(`real services with systemd ${suites[suite]}`, () => {
    let host: Host;
    let images: string;
    let clean: Awaited<ReturnType<typeof snapshotHost>>;

    const portablectl = (...args: readonly string[]): Promise<string> =>
      host.check(['/usr/bin/portablectl', ...args]);
    const show = async (property: string): Promise<string> =>
      (await host.check(['systemctl', 'show', '-P', property, serverUnit])).trim();

    /** Nothing is there that was not there before anything was attached; directories for links may be. */
    const assertClean = async (): Promise<void> => {
      const left = diffSnapshots(clean, await snapshotHost(host));
      assert.deepEqual(
        left.filter((line) => !line.endsWith(': directory 0755')),
        [],
      );
    };

    before(async () => {
      images = await mkdtemp(path.join(tmpdir(), 'real-service-'));
      host = await bootHost({ ...settings, suite, ...withPortabled() });
      for (const version of ['1', '2']) {
        const image = await writeServerImage(settings, images, version);
        await host.copyIn(image, `/opt/${path.basename(image)}`);
      }
      await writeImageTree(host.path('/opt/app'), {
        units: { 'app.service': `${idleService}[Install]\nWantedBy=multi-user.target\n` },
      });
      clean = await snapshotHost(host);
    });

    after(async () => {
      await host.stop();
      await rm(images, { recursive: true });
    });

    it('are served by our daemon, activated by the bus', async () => {
      const owner = await busOwner(host);
      assert.equal(owner.unit, 'portabled.service');
      assert.match(owner.program, /node/);
    });

    it('run from a raw image, move to a new version, and leave nothing behind', async () => {
      await portablectl('attach', '--now', '/opt/redis_1.raw');
      assert.equal(await askServer(host, 'get version'), '1');
      assert.equal(await show('RootImage'), '/opt/redis_1.raw');
      assert.equal(await show('DynamicUser'), 'yes', 'the default profile applies');
      assert.match(await portablectl('list'), /redis_1 +raw +no .* running/);
      assert.equal((await portablectl('is-attached', '/opt/redis_1.raw')).trim(), 'running');
      assert.match(await portablectl('inspect', '/opt/redis_1.raw'), new RegExp(serverUnit));

      const refused = await host.run(['/usr/bin/portablectl', 'detach', '/opt/redis_1.raw']);
      assert.notEqual(refused.exitCode, 0);
      assert.match(refused.stderr, /systemctl stop/, 'the error says what to do');

      await portablectl('reattach', '--now', '/opt/redis_2.raw');
      assert.equal(await askServer(host, 'get version'), '2');
      assert.equal(await show('RootImage'), '/opt/redis_2.raw');

      await portablectl('detach', '--now', '/opt/redis_2.raw');
      await assertClean();
      const gone = await host.run(['/usr/bin/portablectl', 'is-attached', '/opt/redis_2.raw']);
      assert.equal(gone.stdout.trim(), 'detached');
    });

    it('are attached and detached in every way the client knows', async () => {
      const modes = suite === 'bookworm' ? ['copy', 'symlink'] : ['copy', 'symlink', 'mixed'];
      for (const mode of modes) {
        for (const runtime of [[], ['--runtime']]) {
          await portablectl('attach', `--copy=${mode}`, ...runtime, '--now', '/opt/app');
          assert.equal((await host.check(['systemctl', 'is-active', 'app.service'])).trim(), 'active');
          await portablectl('detach', ...runtime, '--now', '/opt/app');
          await assertClean();
        }
      }
      // enabled in /etc, systemd itself calls such a unit disabled
      await portablectl('attach', '--enable', '--runtime', '/opt/app');
      assert.equal((await portablectl('is-attached', '/opt/app')).trim(), 'enabled-runtime');
      await portablectl('detach', '--enable', '--runtime', '/opt/app');
      await assertClean();
    });

    it('are detached by either daemon, whichever attached them', async () => {
      for (const [first, second] of [
        ['ours', 'systemd'],
        ['systemd', 'ours'],
      ] as const) {
        await serveBy(host, first);
        await portablectl('attach', '/opt/app');
        await serveBy(host, second);
        assert.equal((await portablectl('is-attached', '/opt/app')).trim(), 'attached');
        await portablectl('detach', '/opt/app');
        await assertClean();
      }
      await serveBy(host, 'ours');
    });

    it('are never half attached, whenever the daemon is killed', async () => {
      await portablectl('attach', '/opt/app');
      const attached = await snapshotHost(host);
      await portablectl('detach', '/opt/app');
      for (const delay of ['0', '0.002', '0.005', '0.01', '0.02', '0.03', '0.05']) {
        await busOwner(host);
        const kill = `sleep ${delay}; pkill -KILL -f portabled.cjs`;
        await host.run(['sh', '-c', `(${kill}) & portablectl attach /opt/app; wait`]);
        await killDaemon(host);
        await host.run(['systemctl', 'reset-failed', 'portabled.service']);
        const state = (await host.run(['/usr/bin/portablectl', 'is-attached', '/opt/app'])).stdout.trim();
        const now = await snapshotHost(host);
        if (state === 'attached') {
          assert.deepEqual(diffSnapshots(attached, now), []);
          await portablectl('detach', '/opt/app');
        } else assert.equal(state, 'detached');
        await assertClean();
      }
    });

    it('tell the journal, in fields that programs can look for', async () => {
      await portablectl('attach', '/opt/app');
      await portablectl('detach', '/opt/app');
      for (const id of ['187c62eb1e7f463bb530394f52cb090f', '76c5c754d628490d8ecba4c9d042112b']) {
        const entries = await host
          .check(['journalctl', '--sync', '-o', 'json', '-n', '1', `MESSAGE_ID=${id}`])
          .catch(() => host.check(['journalctl', '-o', 'json', '-n', '1', `MESSAGE_ID=${id}`]));
        assert.match(entries, /"PORTABLE_ROOT":"app"/);
      }
    });

    it('cannot be attached by users whom nobody allowed to', async () => {
      const result = await host.runAs(tester.uid, [
        '/usr/bin/portablectl',
        'attach',
        '--no-ask-password',
        '/opt/app',
      ]);
      assert.notEqual(result.exitCode, 0);
      const bus = await host.bus({ uid: tester.uid });
      const denied = await bus.call({
        member: 'DetachImageWithExtensions',
        signature: 'sast',
        body: ['/opt/app', [], 0n],
      });
      assert.equal(
        denied.ok ? '' : denied.error,
        'org.freedesktop.DBus.Error.InteractiveAuthorizationRequired',
      );
      assert.equal((await host.run(['test', '-e', unitFile])).exitCode, 1);
    });
  });
}
