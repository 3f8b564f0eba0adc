/**
 * Several images in one command, of which the last fails: the host is as it was, with our daemon, which makes one
 * transaction of it, and with systemd's, where the client finds the way back.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { bootHost, tester, type Host } from './host.ts';
import { idleService, writeImageTree, writeSquashfsImage } from './images.ts';
import { withPortabled } from './install-portabled.ts';
import { allowEverything } from './polkit-rule.ts';
import { serveBy, type Daemon } from './serving.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';
import { diffSnapshots, snapshotHost, type TreeSnapshot } from './tree-snapshot.ts';

const client = '/usr/local/bin/portablectl';
const attached = '/etc/systemd/system.attached';

/** How images are attached before it begins: everything that has to be known to put them back. */
const ways: readonly (readonly string[])[] = [
  ['-p', 'strict'],
  ['--copy=symlink', '-p', 'nonetwork'],
  ['--copy=copy', '-p', 'trusted'],
  ['--extension=/srv/plus.raw'],
  ['--runtime'],
];

for (const suite of chosenSuites(process.env, ['forky'])) {
  describe(`several images, of which the last fails, on systemd ${suites[suite]}`, () => {
    let host: Host;
    const systemTree = async (): Promise<TreeSnapshot> =>
      snapshotHost(host, {
        trees: [
          attached,
          '/run/systemd/system.attached',
          '/etc/portables',
          '/run/portables',
          '/etc/systemd/system',
        ],
      });
    const ok = (...words: readonly string[]): Promise<string> => host.check([client, ...words]);
    /** Runs what must fail, and change nothing. @returns what it said */
    const failing = async (...words: readonly string[]): Promise<string> => {
      const was = await systemTree();
      const { exitCode, stderr } = await host.run([client, ...words]);
      assert.equal(exitCode, 1, `${words.join(' ')}\n${stderr}`);
      assert.deepEqual(diffSnapshots(was, await systemTree()), [], stderr);
      return stderr;
    };
    const detachAll = async (): Promise<void> => {
      for (const unit of ['web', 'other', 'third']) await host.run(['systemctl', 'stop', `${unit}.service`]);
      for (const image of [
        '/srv/web_1',
        '/srv/web_2',
        '/srv/other_1.raw',
        '/srv/other_2.raw',
        '/srv/third_1.raw',
      ]) {
        for (const more of [[], ['--runtime'], ['--extension=/srv/plus.raw']])
          await host.run([client, 'detach', '-q', '--force', '--enable', ...more, image]);
      }
    };

    before(async () => {
      host = await bootHost({ ...hostSettings(process.env), suite, ...withPortabled() });
      await putImages(host);
    });
    afterEach(async () => {
      await host.run([
        'rm',
        '-rf',
        '/etc/systemd/system/other.service',
        `${attached}/other.service.d/mine.conf`,
      ]);
      await detachAll();
    });
    after(() => host.stop());

    for (const daemon of ['systemd', 'ours'] as const satisfies readonly Daemon[]) {
      const name = daemon === 'ours' ? 'our daemon' : "systemd's daemon";
      it(`attach leaves the host as it was with ${name}`, async () => {
        await serveBy(host, daemon);
        await host.write('/etc/systemd/system/other.service', idleService);
        assert.match(await failing('attach', '/srv/web_1', '/srv/other_1.raw'), /other/);
        await failing('attach', '--runtime', '/srv/web_1', '/srv/other_1.raw');
        await ok('attach', '-q', '/srv/third_1.raw');
        await failing('attach', '/srv/web_1', '/srv/third_1.raw');
      });

      it(`users whom polkit allows it leave the host as it was with ${name}`, async () => {
        await serveBy(host, daemon);
        await host.write('/etc/systemd/system/other.service', idleService);
        const forbid = await allowEverything(host, tester.name);
        const was = await systemTree();
        const words = [client, 'attach', '--no-reload', '/srv/web_1', '/srv/other_1.raw'];
        const { exitCode, stderr } = await host.runAs(tester.uid, words);
        assert.deepEqual([exitCode, diffSnapshots(was, await systemTree())], [1, []], stderr);
        assert.match(stderr, /other\.service/);
        await forbid();
      });

      it(`reattach leaves the host as it was with ${name}`, async () => {
        await serveBy(host, daemon);
        await ok('attach', '-q', '--now', '-p', 'strict', '/srv/web_1');
        await ok('attach', '-q', '--copy=copy', '/srv/other_1.raw');
        await ok('attach', '-q', '/srv/third_1.raw');
        // its new version brings a unit of the third image
        await failing('reattach', '/srv/web_2', '/srv/other_2.raw', 'other', 'third');
        assert.match(await host.check(['systemctl', 'is-active', 'web.service']), /^active/);
        await failing('reattach', '/srv/web_2', '/srv/nothing_1.raw');
      });

      it(`detach leaves the host as it was with ${name}, however the first was attached`, async () => {
        await serveBy(host, daemon);
        // with ours, which is asked for all at once, it makes no difference
        for (const way of daemon === 'ours' ? ways.slice(0, 1) : ways) {
          const same = way.filter((word) => /^--(runtime|extension)/.test(word));
          await ok('attach', '-q', '--enable', ...way, '/srv/web_1');
          await ok('attach', '-q', '--now', ...same, '/srv/other_1.raw');
          // what can be seen beforehand: it runs
          await failing('detach', ...same, '/srv/web_1', '/srv/other_1.raw');
          await failing('detach', '--enable', ...same, '/srv/web_1', '/srv/other_1.raw');
          await host.check(['systemctl', 'stop', 'other.service']);
          if (daemon === 'systemd') {
            // what cannot: systemd's daemon stumbles over files of others when half of the image is gone
            const directory = way.includes('--runtime') ? '/run/systemd/system.attached' : attached;
            await host.write(`${directory}/other.service.d/mine.conf`, '# mine\n');
            const said = await failing('detach', '--enable', ...same, '/srv/web_1', '/srv/other_1.raw');
            assert.match(said, /^Nothing has been changed: what was, has been put back\.$/m);
            if (way === ways[0]) {
              // a profile without a name could not come back: it goes last
              const profile = `${directory}/web.service.d/10-profile.conf`;
              await host.check(['sh', '-c', `rm '${profile}'; printf '[Service]\\n' > '${profile}'`]);
              await failing('detach', ...same, '/srv/web_1', '/srv/other_1.raw');
            }
            await host.check(['rm', `${directory}/other.service.d/mine.conf`]);
          } else {
            await ok('attach', '-q', '--now', ...same, '/srv/third_1.raw');
            await failing('detach', '--enable', ...same, '/srv/web_1', '/srv/third_1.raw');
          }
          await detachAll();
        }
      });
    }
  });
}

async function putImages(host: Host): Promise<void> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'client-several-'));
  const osRelease = { ID: 'test', VERSION_ID: '1' };
  const fields = { ID: 'test', VERSION_ID: '1', SYSEXT_SCOPE: 'portable' };
  try {
    for (const version of ['1', '2']) {
      const wanted = `${idleService}[Install]\nWantedBy=multi-user.target\nDefaultInstance=one\n`;
      const socket = '[Socket]\nListenStream=/run/web\n';
      const units = { 'web.service': wanted, 'web@.service': wanted, [`web-${version}.socket`]: socket };
      await writeImageTree(path.join(scratch, version), { osRelease, units });
      await host.copyIn(path.join(scratch, version), `/srv/web_${version}`);
    }
    await writeSquashfsImage(host.path('/srv/other_1.raw'), {
      osRelease,
      units: { 'other.service': idleService },
    });
    await writeSquashfsImage(host.path('/srv/other_2.raw'), {
      osRelease,
      units: { 'other.service': idleService, 'third.service': idleService },
    });
    await writeSquashfsImage(host.path('/srv/third_1.raw'), {
      osRelease,
      units: { 'third.service': idleService },
    });
    await writeSquashfsImage(host.path('/srv/plus.raw'), {
      extension: { name: 'plus', kind: 'sysext', fields },
      units: { 'web-plus.service': idleService },
    });
    await host.check(['mkdir', '-p', '/etc/portables', '/run/portables']);
  } finally {
    await rm(scratch, { recursive: true });
  }
}
