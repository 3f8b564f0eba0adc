/**
 * Portable services of users: our daemon on the bus of a real user session, beside that user's own service manager, on
 * every systemd version. The client is systemd 262's portablectl where there is one, busctl elsewhere.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostBus } from './bus.ts';
import { bootHost, tester, type Host } from './host.ts';
import { idleService, writeImageTree, writeSquashfsImage } from './images.ts';
import { withPortabled } from './install-portabled.ts';
import { askServer } from './server-client.ts';
import { serverUnit, writeServerTree } from './server-image.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';

const settings = hostSettings(process.env);
const { home, uid } = tester;
const runtime = `/run/user/${uid}`;
const alias = '/etc/systemd/user/dbus-org.freedesktop.portable1.service';
const nobody = 65534;

for (const suite of chosenSuites(process.env, ['bookworm', 'trixie', 'forky'])) {
  describe(`users with systemd ${suites[suite]}`, () => {
    let host: Host;
    let bus: HostBus;
    let clean: string;
    const version = suites[suite];
    /** Where the user's manager looks for attached units: it has a directory for them since 260. */
    const attached = version < 260 ? 'user' : 'user.attached';

    const as = async (...command: string[]): Promise<string> => {
      const result = await host.runAs(uid, command);
      assert.equal(result.exitCode, 0, `${command.join(' ')}: ${result.stdout}${result.stderr}`);
      return result.stdout;
    };
    const state = async (image: string): Promise<unknown> =>
      (await bus.get({ member: 'GetImageState', signature: 's', body: [image] }))[0];
    const attach = (image: string, profile = 'default', isRuntime = false, copy = '') =>
      bus.call({
        member: 'AttachImage',
        signature: 'sassbs',
        body: [image, [], profile, isRuntime, copy],
      });
    const detach = (image: string, isRuntime = false) =>
      bus.call({ member: 'DetachImage', signature: 'sb', body: [image, isRuntime] });
    /** All that is in the user's directories but empty directories, which may stay, and what the manager runs. */
    const present = (): Promise<string> => {
      const places = `${home}/.config ${home}/.local ${runtime}/systemd/user* ${runtime}/portables ${runtime}/portabled`;
      return host.check(['sh', '-c', `find ${places} ! -type d ! -name lock 2>/dev/null | sort`]);
    };
    const ok = (reply: Awaited<ReturnType<typeof attach>>): readonly unknown[] =>
      reply.ok ? reply.body : assert.fail(`${reply.error}: ${reply.message}`);
    const errorOf = (reply: Awaited<ReturnType<typeof attach>>): string =>
      reply.ok ? 'no error' : `${reply.error}: ${reply.message}`;

    before(async () => {
      host = await bootHost({ ...settings, suite, ...withPortabled() });
      await host.check(['loginctl', 'enable-linger', tester.name]);
      const isUp = `systemctl is-active user@${uid}.service && [ -S ${runtime}/bus ]`;
      await host.check(['sh', '-c', `until ${isUp}; do sleep 0.05; done`]);
      for (const each of ['1', '2']) {
        await writeServerTree(settings, host.path(`${home}/redis_${each}`), each, 'user');
      }
      const files = { 'usr/lib/systemd/user/app.service': idleService };
      for (const scope of ['user', 'system', 'any'] as const) {
        const contents = { osRelease: { ID: 'app', PORTABLE_SCOPE: scope }, files };
        const units = { 'app.service': idleService };
        await writeImageTree(host.path(`${home}/${scope}`), { ...contents, units });
      }
      await writeSquashfsImage(host.path(`${home}/disk.raw`), {
        osRelease: { ID: 'app', PORTABLE_SCOPE: 'user' },
        files,
      });
      await writeImageTree(host.path(`${home}/tool`), {
        extension: { name: 'tool', kind: 'sysext', fields: { ID: '_any' } },
        files: { 'usr/share/tool': 'x', 'usr/lib/systemd/user/app-tool.service': idleService },
      });
      await host.check(['chown', '-R', `${uid}:${uid}`, home]);
      bus = await host.bus({ uid, scope: 'user' });
      clean = await present();
    });
    after(() => host.stop());

    it('are served by our daemon, which their own bus and service manager start', async () => {
      const property = async (name: string): Promise<unknown> => {
        const body = ['org.freedesktop.portable1.Manager', name];
        const [value] = await bus.get({
          interface: 'org.freedesktop.DBus.Properties',
          member: 'Get',
          signature: 'ss',
          body,
        });
        return (value as { value: unknown }).value;
      };
      assert.equal(await property('PoolPath'), `${home}/.local/state/portables`);
      assert.deepEqual(await property('Profiles'), ['default', 'nonetwork', 'strict', 'trusted']);
      assert.equal((await as('systemctl', '--user', 'is-active', 'portabled.service')).trim(), 'active');
      const verify = await host.runAs(uid, ['systemd-analyze', '--user', 'verify', 'portabled.service']);
      assert.deepEqual(verify, { stdout: '', stderr: '', exitCode: 0 });
    });

    it('attach a real server, have it answer, move on to its next version, and leave nothing behind', async () => {
      const [one, two] = [`${home}/redis_1`, `${home}/redis_2`];
      const answers = async (expected: string): Promise<void> => {
        assert.equal(await askServer(host, 'get version'), expected);
        assert.equal((await as('systemctl', '--user', 'is-active', serverUnit)).trim(), 'active');
      };
      if (suite === 'forky') {
        await as('/usr/bin/portablectl', '--user', 'attach', '--now', one);
        await answers('1');
        assert.match(await as('/usr/bin/portablectl', '--user', 'list'), /redis_1 +directory +no .* running/);
        assert.match(await as('/usr/bin/portablectl', '--user', 'inspect', one), new RegExp(serverUnit));
        await as('/usr/bin/portablectl', '--user', 'reattach', '--now', two);
        await answers('2');
        await as('/usr/bin/portablectl', '--user', 'detach', '--now', two);
      } else {
        ok(await attach(one));
        await as('systemctl', '--user', 'daemon-reload');
        await as('systemctl', '--user', 'start', serverUnit);
        await answers('1');
        assert.equal(await state(one), 'running');
        assert.match(errorOf(await detach(one)), /UnitExists: .*systemctl --user stop/);
        const body = [two, [], 'default', false, ''];
        ok(await bus.call({ member: 'ReattachImage', signature: 'sassbs', body }));
        await as('systemctl', '--user', 'daemon-reload');
        await as('systemctl', '--user', 'restart', serverUnit);
        await answers('2');
        await as('systemctl', '--user', 'stop', serverUnit);
        ok(await detach(two));
      }
      assert.equal(await present(), clean + (await stateOfServer()));
    });

    /** What the service itself wrote. */
    const stateOfServer = async (): Promise<string> => {
      const files = (await present()).split('\n').filter((line) => line.includes('redis-portable'));
      return files.map((line) => `${line}\n`).join('');
    };

    it('attach in every way there is, with every profile and with none', async () => {
      const image = `${home}/any`;
      const before = await present();
      for (const copy of ['copy', 'symlink', 'mixed', '']) {
        for (const isRuntime of [false, true]) {
          const changes = ok(await attach(image, copy === 'copy' ? '' : 'strict', isRuntime, copy));
          const base = isRuntime ? runtime : `${home}/.config`;
          const text = JSON.stringify(changes);
          assert.ok(text.includes(`${base}/systemd/${attached}/app.service`), text);
          assert.equal(await state(image), isRuntime ? 'attached-runtime' : 'attached');
          await assertStarts('app.service', async () => {
            assert.equal(await state(image), isRuntime ? 'running-runtime' : 'running');
          });
          ok(await detach(image, isRuntime));
          assert.equal(await present(), before);
        }
      }
      // a host's own profiles come before ours, and systemd 262 has some; its "trusted" starts no service from an image for a user
      const profiles = ['default', 'nonetwork', 'strict', ...(version < 260 ? ['trusted'] : [])];
      for (const profile of profiles) {
        ok(await attach(image, profile, true));
        await assertStarts('app.service');
        ok(await detach(image, true));
      }
    });

    /** Starts a unit; it would fail when it is to be executed, which is a little later. */
    const assertStarts = async (unit: string, meanwhile?: () => Promise<void>): Promise<void> => {
      await as('systemctl', '--user', 'daemon-reload');
      await as('systemctl', '--user', 'start', unit);
      await meanwhile?.();
      await sleep(200);
      await as('systemctl', '--user', 'is-active', unit);
      await as('systemctl', '--user', 'stop', unit);
    };

    it('attach extensions that are directories', async () => {
      const before = await present();
      const layers = [`${home}/any`, [`${home}/tool`]];
      ok(
        await bus.call({
          member: 'AttachImageWithExtensions',
          signature: 'sasassst',
          body: [...layers, ['app-tool'], 'default', '', 1n],
        }),
      );
      await assertStarts('app-tool.service');
      ok(await bus.call({ member: 'DetachImageWithExtensions', signature: 'sast', body: [...layers, 1n] }));
      assert.equal(await present(), before);
    });

    it('attach what is meant for them, and the system what is meant for it', async () => {
      assert.match(errorOf(await attach(`${home}/system`)), /InvalidArgs: .*PORTABLE_SCOPE='system'/);
      ok(await attach(`${home}/user`));
      ok(await detach(`${home}/user`));
      const system = await host.bus();
      const body = [`${home}/user`, [], '', true, ''];
      const refused = await system.call({ member: 'AttachImage', signature: 'sassbs', body });
      assert.match(errorOf(refused), /InvalidArgs: .*--user/);
      await system.close();
    });

    it('are told which images their service manager cannot mount, before anything is attached', async () => {
      const image = `${home}/disk.raw`;
      const [, release] = await bus.get({ member: 'GetImageMetadata', signature: 'sas', body: [image, []] });
      assert.match(String(release), /^ID="app"/);
      const error = errorOf(await attach(image));
      assert.match(error, /NotSupported: .*disk\.raw.* is a disk image/);
      assert.match(error, version < 256 ? /systemd 252/ : /systemd-mountfsd\.socket/);
      assert.equal(await state(image), 'detached');
    });

    it('are the only ones that can ask their daemon', async () => {
      const address = `--address=unix:path=${runtime}/bus`;
      const list = [
        'org.freedesktop.portable1',
        '/org/freedesktop/portable1',
        'org.freedesktop.portable1.Manager',
        'ListImages',
      ];
      const result = await host.runAs(nobody, ['busctl', address, 'call', ...list]);
      assert.notEqual(result.exitCode, 0);
      await as('busctl', '--user', 'call', ...list);
    });

    it('find things in order after the daemon was killed in the middle of it', async () => {
      const image = `${home}/any`;
      const before = await present();
      for (const delay of ['0', '0.005', '0.01', '0.02', '0.04']) {
        await as(
          'busctl',
          '--user',
          'call',
          'org.freedesktop.portable1',
          '/',
          'org.freedesktop.DBus.Peer',
          'Ping',
        );
        const kill = `(sleep ${delay}; pkill -KILL -f portabled.cjs) &`;
        const call = `busctl --user call org.freedesktop.portable1 /org/freedesktop/portable1 org.freedesktop.portable1.Manager`;
        await host.runAs(uid, [
          'sh',
          '-c',
          `${kill} ${call} AttachImage sassbs ${image} 0 strict false mixed; wait`,
        ]);
        await host.runAs(uid, ['systemctl', '--user', 'reset-failed', 'portabled.service']);
        if ((await state(image)) === 'attached') ok(await detach(image));
        assert.equal(await present(), before, `killed after ${delay} s`);
      }
    });

    if (suite === 'forky') {
      it('can go over to systemd’s daemon and back, with what is attached', async () => {
        const before = await present();
        const serveBy = async (daemon: 'ours' | 'systemd'): Promise<void> => {
          if (daemon === 'systemd') await host.check(['rm', alias]);
          else await host.check(['ln', '-s', '/usr/local/lib/systemd/user/portabled.service', alias]);
          for (const unit of ['portabled', 'systemd-portabled']) {
            await host.runAs(uid, ['systemctl', '--user', 'stop', `${unit}.service`]);
          }
          await as('systemctl', '--user', 'daemon-reload');
          await as('/usr/bin/portablectl', '--user', 'list');
          const unit = daemon === 'ours' ? 'portabled.service' : 'systemd-portabled.service';
          assert.equal((await as('systemctl', '--user', 'is-active', unit)).trim(), 'active');
        };
        const contents = (): Promise<string> =>
          as('sh', '-c', `cd ~/.config && grep -r . systemd/${attached} portables/any/usr`);
        ok(await attach(`${home}/any`));
        const ours = [await present(), await contents()];
        await serveBy('systemd');
        assert.equal(await state(`${home}/any`), 'attached');
        await as('/usr/bin/portablectl', '--user', 'detach', `${home}/any`);
        assert.equal(await present(), before);
        await as('/usr/bin/portablectl', '--user', 'attach', `${home}/any`, 'app');
        assert.deepEqual([await present(), await contents()], ours, 'the same files, whoever attaches');
        await serveBy('ours');
        assert.equal(await state(`${home}/any`), 'attached');
        ok(await detach(`${home}/any`));
        assert.equal(await present(), before);
      });
    }
  });
}
