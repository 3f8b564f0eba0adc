/**
 * `install:system` and `uninstall:system` on running systems that have systemd's own portabled: ours answers, also
 * after restarts, on the user's bus too, and afterwards everything is as it was.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bootHost, tester, type Host } from './host.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';

const repository = path.join(import.meta.dirname, '../..');
const settings = hostSettings(process.env);
const name = 'org.freedesktop.portable1';
const object = '/org/freedesktop/portable1';

for (const suite of chosenSuites(process.env, ['bookworm', 'trixie', 'forky'])) {
  describe(`installing on systemd ${suites[suite]}`, () => {
    let host: Host;

    before(async () => {
      host = await bootHost({ ...settings, suite, binds: [{ from: repository, to: '/opt/checkout' }] });
    });
    after(() => host.stop());

    const installer = (verb: string, ...args: string[]): Promise<string> =>
      host.check(['node', '/opt/checkout/dist/install/main.js', verb, ...args], { timeout: 120_000 });
    const list = (): Promise<string> =>
      host.check(['busctl', 'call', name, object, `${name}.Manager`, 'ListImages']);
    /** The program behind the bus name. */
    const server = async (): Promise<string> => {
      const [unit] = /^Unit=.*$/m.exec(await host.check(['busctl', 'status', name])) ?? [];
      return unit ?? 'nobody';
    };
    /** Everything on the host that is there to stay, without what the system writes by itself. */
    const files = async (): Promise<string> => {
      const places = ['/etc', '/usr', '/var/lib', '/var/cache', '/opt', '/root', '/srv', '/home'];
      const noise = ['/var/lib/systemd', '/var/lib/dbus', '/opt/checkout', '/var/lib/polkit-1'];
      const prune = noise.flatMap((place, i) => [...(i === 0 ? [] : ['-o']), '-path', place]);
      const find = ['find', ...places, '(', ...prune, ')', '-prune', '-o', '-printf', '%p %M %l %s %T@\\n'];
      const lines = (await host.check(find)).split('\n');
      // directories get a new time when something comes and goes in them
      return lines
        .map((line) => line.replace(/^(\S+ d\S+) .*/, '$1'))
        .sort()
        .join('\n');
    };

    it('ours takes the place of systemd’s, which runs, and gives it back', async () => {
      await list();
      assert.equal(await server(), 'Unit=systemd-portabled.service');
      const clean = await files();

      await installer('install');
      await list();
      assert.equal(await server(), 'Unit=portabled.service');
      assert.equal(await host.check(['/usr/bin/portablectl', 'list', '--no-pager']), 'No images.\n');
      await host.check(['systemctl', 'restart', 'portabled.service']);
      assert.equal(await server(), 'Unit=portabled.service');
      await host.check(['systemctl', 'stop', 'portabled.service']);
      await list();
      assert.equal(await server(), 'Unit=portabled.service');

      await installer('install');
      await list();
      assert.equal(await server(), 'Unit=portabled.service');

      await installer('uninstall');
      assert.equal(await files(), clean);
      assert.equal((await host.run(['ls', '/run/portabled'])).exitCode, 2);
      await list();
      assert.equal(await server(), 'Unit=systemd-portabled.service');
      assert.match(await installer('uninstall'), /nothing to do/);
      const failed = await host.check([
        'systemctl',
        'list-units',
        '--failed',
        '--plain',
        '--no-legend',
        '*portable*',
      ]);
      assert.equal(failed, '');
    });

    it('ours works without systemd’s, for everybody the policies let', async () => {
      const theirs = [
        '/usr/share/dbus-1/system-services/org.freedesktop.portable1.service',
        '/usr/share/dbus-1/system.d/org.freedesktop.portable1.conf',
        '/usr/share/polkit-1/actions/org.freedesktop.portable1.policy',
        '/usr/lib/systemd/system/systemd-portabled.service',
        '/usr/lib/systemd/system/dbus-org.freedesktop.portable1.service',
      ];
      await host.check(['rm', ...theirs]);
      await installer('install');
      const call = ['busctl', 'call', name, object, `${name}.Manager`];
      assert.equal((await host.runAs(tester.uid, [...call, 'ListImages'])).stdout, 'a(ssbtttso) 0\n');
      assert.equal(await server(), 'Unit=portabled.service');
      // polkit knows the action: a caller who cannot be asked is told that asking would be needed
      const detach = [...call, 'DetachImageWithExtensions', 'sast', 'foo', '0', '0'];
      const denied = await host.runAs(tester.uid, [
        ...call.slice(0, 1),
        '--allow-interactive-authorization=no',
        ...detach.slice(1),
      ]);
      assert.match(denied.stderr, /[Ii]nteractive authentication required|authentication is required/);
      const actions = await host.check(['pkaction']);
      for (const action of ['inspect-images', 'attach-images', 'manage-images']) {
        assert.ok(actions.includes(`${name}.${action}\n`), action);
      }
      assert.equal(
        await host.check(['busctl', 'get-property', name, object, `${name}.Manager`, 'Profiles']),
        'as 4 "default" "nonetwork" "strict" "trusted"\n',
      );
      await installer('uninstall');
      const gone = await host.run(['busctl', 'call', name, object, `${name}.Manager`, 'ListImages']);
      assert.match(gone.stderr, /not activatable|not provided|unknown|does not exist/i);
    });

    it('ours serves on the user’s bus', async () => {
      await installer('install');
      await host.check(['loginctl', 'enable-linger', tester.name]);
      await host.check(['systemctl', 'start', `user@${tester.uid}.service`]);
      const asked = await host.runAs(tester.uid, [
        'busctl',
        '--user',
        'call',
        name,
        object,
        `${name}.Manager`,
        'ListImages',
      ]);
      assert.equal(asked.stdout, 'a(ssbtttso) 0\n', asked.stderr);
      const unit = await host.runAs(tester.uid, ['systemctl', '--user', 'is-active', 'portabled.service']);
      assert.equal(unit.stdout, 'active\n');
      await installer('uninstall');
    });
  });
}
