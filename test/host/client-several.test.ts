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
  ['--copy=mixed'],
  ['--extension=/srv/plus.raw'],
  ['--runtime'],
];

for (const suite of chosenSuites(process.env, ['bookworm', 'trixie', 'forky'])) {
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
      const units = ['web', 'other', 'third', 'held-pair', 'held-pair@one'].map((name) => `${name}.service`);
      for (const unit of ['held-pair.socket', ...units]) await host.run(['systemctl', 'stop', unit]);
      await host.run(['systemctl', 'kill', '-s', 'KILL', 'held.service']);
      const markers = `cat ${attached}/*/20-portable.conf /run/systemd/system.attached/*/20-portable.conf`;
      const { stdout: all } = await host.run(['sh', '-c', markers]);
      for (const name of ['web_1', 'web_2', 'other_1.raw', 'other_2.raw', 'third_1.raw', 'held_1']) {
        const image = `/srv/${name}`;
        if (!all.includes(image)) continue;
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

    // our daemon's transaction is the same on every systemd
    const daemons: readonly Daemon[] = suite === 'forky' ? ['systemd', 'ours'] : ['systemd'];
    for (const daemon of daemons) {
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
          // systemd 252 copies no images
          if (suite === 'bookworm' && way.includes('--copy=mixed')) continue;
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

      it(`what ran before a detach that fails with ${name} runs again, and is told otherwise`, async () => {
        await serveBy(host, daemon);
        const names = ['held-pair.socket', 'held-pair.service', 'held-pair@one.service', 'web.service'];
        await ok('attach', '-q', '--runtime', '/srv/held_1', '/srv/web_1');
        for (const unit of ['held.service', ...names]) await host.check(['systemctl', 'start', unit]);
        const pids = async (): Promise<readonly string[]> => {
          const show = ['systemctl', 'show', '-P', 'MainPID', ...names.slice(1)];
          return (await host.check(show)).split('\n').filter((line) => line !== '');
        };
        const before = await pids();
        // it refuses to be stopped, and running units are not detached
        const said = await failing('detach', '--runtime', '--now', '/srv/web_1', '/srv/held_1');
        const after = await pids();
        assert.ok(
          after.length === 3 && after.every((pid, i) => pid !== '0' && pid !== before[i]),
          `${before.join()} ${after.join()}\n${said}`,
        );
        await host.check(['systemctl', 'is-active', 'held.service', ...names]);
        assert.doesNotMatch(said, /Gone for good|not started again/);
        assert.match(
          await failing('detach', '--runtime', '--now', '--clean', '/srv/held_1'),
          /^Gone for good, by --clean: what 'held-pair.service' kept\.$/m,
        );
        await host.check(['systemctl', 'is-active', 'held.service', ...names]);
        await host.write('/run/systemd/system/held-pair.service.d/no.conf', '[Unit]\nAssertPathExists=/no\n');
        await host.check(['systemctl', 'daemon-reload']);
        assert.match(
          await failing('detach', '--runtime', '--now', '/srv/held_1'),
          /^Stopped, and not started again: 'held-pair.service'\.$/m,
        );
        await host.check(['rm', '-r', '/run/systemd/system/held-pair.service.d']);
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
    await writeImageTree(path.join(scratch, 'held'), {
      osRelease,
      units: {
        'held.service': `[Unit]\nRefuseManualStop=yes\n${idleService}`,
        'held-pair.socket': '[Socket]\nListenStream=/run/held-pair\n',
        'held-pair.service': `${idleService}StateDirectory=held-pair\n`,
        'held-pair@.service': idleService,
      },
    });
    await host.copyIn(path.join(scratch, 'held'), '/srv/held_1');
    await host.check(['mkdir', '-p', '/etc/portables', '/run/portables']);
  } finally {
    await rm(scratch, { recursive: true });
  }
}
