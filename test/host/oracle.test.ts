/**
 * The harness proves itself: on a booted host systemd's own portabled attaches a real server, a client gets an
 * answer from it, a new version takes over, and detaching leaves nothing behind. What ours is compared with.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bootHost, tester, type Host } from './host.ts';
import { askServer } from './server-client.ts';
import { serverUnit, writeServerImage } from './server-image.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';
import { diffSnapshots, snapshotHost } from './tree-snapshot.ts';

const settings = hostSettings(process.env);

for (const suite of chosenSuites(process.env, ['bookworm'])) {
  describe(`systemd ${suites[suite]}'s own portabled on ${suite}`, () => {
    let host: Host;
    let images: string;

    before(async () => {
      images = await mkdtemp(path.join(tmpdir(), 'oracle-'));
      host = await bootHost({ ...settings, suite });
      for (const version of ['1', '2']) {
        const image = await writeServerImage(settings, images, version);
        await host.copyIn(image, `/opt/${path.basename(image)}`);
      }
    });

    after(async () => {
      await host.stop();
      await rm(images, { recursive: true });
    });

    it('runs a server from a raw image, moves it to a new version, and leaves nothing behind', async () => {
      const clean = await snapshotHost(host);
      await host.check(['/usr/bin/portablectl', 'attach', '--now', '/opt/redis_1.raw']);
      assert.equal(await askServer(host, 'get version'), '1');
      const profile = await host.check(['systemctl', 'show', '-P', 'DynamicUser', serverUnit]);
      assert.equal(profile, 'yes\n', 'the default profile applies');

      await host.check(['/usr/bin/portablectl', 'reattach', '--now', '/opt/redis_2.raw']);
      assert.equal(await askServer(host, 'get version'), '2');
      assert.notDeepEqual(diffSnapshots(clean, await snapshotHost(host)), []);

      await host.check(['/usr/bin/portablectl', 'detach', '--now', '/opt/redis_2.raw']);
      assert.deepEqual(
        diffSnapshots(clean, await snapshotHost(host)).filter((line) => !line.endsWith(': directory 0755')),
        [],
      );
    });

    it('gives exact replies and errors to root and to a user', async () => {
      const root = await host.bus();
      assert.deepEqual(await root.call({ member: 'ListImages' }), {
        ok: true,
        signature: 'a(ssbtttso)',
        body: [[]],
      });
      const user = await host.bus({ uid: tester.uid });
      const denied = await user.call({ member: 'RemoveImage', signature: 's', body: ['foo'] });
      assert.equal(
        denied.ok ? '' : denied.error,
        'org.freedesktop.DBus.Error.InteractiveAuthorizationRequired',
      );
    });
  });
}
