/**
 * Layered portable services end to end: the real portablectl attaches an image with system and configuration extensions,
 * directories and disk images, to the real service manager; services run from all of them, keep their data over new versions
 * of the extensions, and leave nothing behind. The same commands to systemd's daemon give the same.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { rename, rm } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { bootHost, type Host } from './host.ts';
import { idleService, writeImageTree, writeSquashfsImage, type ImageContents } from './images.ts';
import { withPortabled } from './install-portabled.ts';
import { serveBy } from './serving.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';
import { diffSnapshots, snapshotHost, type TreeSnapshot } from './tree-snapshot.ts';

const settings = hostSettings(process.env);
/** systemd's own; ours may come before it in $PATH. */
const client = '/usr/bin/portablectl';
/** The first systemd whose services take configuration extensions. */
const confexts = 255;

const service = `${idleService}Type=exec\nStateDirectory=app\n`;

function sysext(name: string, version: string, unit = 'app.service'): ImageContents {
  const fields = { ID: 'test', VERSION_ID: '1', SYSEXT_ID: 'app', SYSEXT_VERSION_ID: version };
  return {
    extension: { name, kind: 'sysext', fields },
    units: { [unit]: service },
    files: { 'usr/share/extension': `${name} ${version}` },
  };
}

const images: Readonly<Record<string, ImageContents>> = {
  '/opt/base_1.raw': { directories: ['var/lib/app'] },
  '/opt/base': { directories: ['var/lib/app'] },
  '/opt/app_1.raw': sysext('app', '1'),
  '/opt/app_2.raw': sysext('app', '2'),
  '/opt/appdir': sysext('appdir', '1'),
  '/opt/tool.raw': sysext('tool', '1', 'tool.service'),
  '/opt/misnamed.raw': sysext('other', '1'),
  '/opt/foreign.raw': {
    extension: { name: 'foreign', kind: 'sysext', fields: { ID: 'other' } },
    units: { 'app.service': service },
  },
  '/opt/ver.raw.v/ver_1.raw': sysext('ver', '1'),
  '/opt/ver.raw.v/ver_2.raw': sysext('ver', '2'),
  '/opt/conf': {
    extension: { name: 'conf', kind: 'confext', fields: { ID: '_any' } },
    files: { 'etc/app.conf': 'from the confext' },
  },
  '/opt/conf.raw': {
    extension: { name: 'conf', kind: 'confext', fields: { ID: '_any' } },
    files: { 'etc/app.conf': 'from the image' },
  },
};

for (const suite of chosenSuites(process.env, ['bookworm', 'trixie', 'forky'])) {
  const version = suites[suite];
  // 252 knows no confexts: there the second layer is another sysext
  const conf = version < confexts ? '/opt/tool.raw' : '/opt/conf';
  // and it takes a directory only by its whole name
  const app = (number: 1 | 2): string => `/opt/app_${number}.raw`;

  describe(`extensions with systemd ${version}`, () => {
    let host: Host;
    let clean: TreeSnapshot;

    /** Arguments that name an image with its extensions. */
    const stack = (image: string, ...extensions: readonly string[]): readonly string[] => [
      ...extensions.map((extension) => `--extension=${extension}`),
      image,
    ];
    const portablectl = (...args: readonly string[]): Promise<string> =>
      host.check([client, '--no-pager', ...args]);
    const stateOf = async (...args: readonly string[]): Promise<string> =>
      (await host.run([client, 'is-attached', ...args])).stdout.trim();
    const pidOf = async (unit = 'app.service'): Promise<number> =>
      Number(await host.check(['systemctl', 'show', '-P', 'MainPID', unit]));
    /** A file as the running service sees it. */
    const seen = async (file: string, unit = 'app.service'): Promise<string> =>
      host.read(`/proc/${await pidOf(unit)}/root${file}`);
    const assertClean = async (): Promise<void> => {
      const left = diffSnapshots(clean, await snapshotHost(host));
      assert.deepEqual(
        left.filter((line) => !line.endsWith(': directory 0755')),
        [],
      );
    };
    const writeImage = async (at: string): Promise<void> => {
      const contents = images[at];
      assert.ok(contents !== undefined);
      if (at.endsWith('.raw')) await writeSquashfsImage(host.path(at), contents, 'gzip');
      else await writeImageTree(host.path(at), contents);
    };

    before(async () => {
      host = await bootHost({ ...settings, suite, ...withPortabled() });
      for (const at of Object.keys(images)) await writeImage(at);
      clean = await snapshotHost(host);
    });
    after(() => host.stop());

    it('run, tell what they run from, and keep their data over a new version', async () => {
      const first = stack('/opt/base_1.raw', app(1), conf);
      const second = stack('/opt/base_1.raw', app(2), conf);
      await portablectl('attach', '--now', ...first, 'app');
      assert.equal(await seen('/usr/share/extension'), version < confexts ? 'tool 1' : 'app 1');
      if (version >= confexts) assert.equal(await seen('/etc/app.conf'), 'from the confext');
      const environment = (await host.read(`/proc/${await pidOf()}/environ`)).split('\0');
      assert.ok(environment.includes('PORTABLE=app_1.raw'), environment.join(' '));
      assert.ok(environment.includes('PORTABLE_ROOT=base_1.raw'), environment.join(' '));
      assert.match(await portablectl('inspect', ...first, 'app'), /app\.service/);

      await host.write(`/proc/${await pidOf()}/root/var/lib/app/data`, 'kept');
      const before = await pidOf();
      await portablectl('reattach', '--now', ...second, 'app');
      assert.notEqual(await pidOf(), before);
      const dropIn = await host.read('/etc/systemd/system.attached/app.service.d/20-portable.conf');
      assert.match(dropIn, /^ExtensionImages=\/opt\/app_2\.raw/m);
      assert.doesNotMatch(dropIn, /app_1\.raw/);
      assert.equal(await seen('/var/lib/app/data'), 'kept');

      assert.equal(await stateOf(...second), 'running');
      assert.equal(await stateOf(...first), 'running', 'another version means it, too');
      assert.equal(await stateOf(...stack('/opt/base_1.raw', conf, app(2))), 'detached', 'in another order');
      assert.equal(await stateOf(...stack('/opt/base_1.raw', app(2))), 'detached', 'fewer extensions');
      assert.equal(await stateOf('/opt/base_1.raw'), 'running', 'any use of the image');

      await portablectl('detach', '--now', ...(version < 256 ? [] : ['--clean']), ...second, 'app');
      await assertClean();
      const data = '/var/lib/private/app/data';
      if (version < 256) await host.check(['rm', data]);
      // the client does not wait for it
      else await host.check(['sh', '-c', `timeout 20 sh -c 'while [ -e ${data} ]; do sleep 0.05; done'`]);
      assert.equal(await stateOf(...second), 'detached');
    });

    it('are accepted by the service manager without a warning', async () => {
      const stacks = [
        stack('/opt/base_1.raw', app(1), conf),
        stack('/opt/base', '/opt/appdir', '/opt/tool.raw'),
        ...(version < confexts
          ? []
          : [stack('/opt/base_1.raw', '/opt/conf.raw', '/opt/appdir', '/opt/conf')]),
      ];
      for (const each of stacks) {
        await portablectl('attach', ...each, 'app');
        const { stderr } = await host.run(['systemd-analyze', 'verify', '--man=no', 'app.service']);
        // it looks for programs in the host's own root only
        assert.deepEqual(
          stderr.split('\n').filter((line) => !/^$|: Command \/usr\/bin\/idle is not exec/.test(line)),
          [],
        );
        await portablectl('detach', ...each, 'app');
      }
      await assertClean();
    });

    it('are copied and linked in every mode', async () => {
      const each = stack('/opt/base', '/opt/appdir', app(1), ...(version < confexts ? [] : ['/opt/conf']));
      for (const mode of version < 256 ? ['copy', 'symlink'] : ['copy', 'symlink', 'mixed']) {
        await portablectl('attach', '--now', '--runtime', `--copy=${mode}`, ...each, 'app');
        assert.equal(await stateOf(...each), 'running-runtime');
        // directories lie above images, whatever their order
        assert.equal(await seen('/usr/share/extension'), 'appdir 1', mode);
        await portablectl('detach', '--now', '--runtime', ...each, 'app');
        await assertClean();
      }
    });

    it('that do not fit are refused, those of another name taken by force', async () => {
      const misfit = await host.run([
        'portablectl',
        'attach',
        ...stack('/opt/base', '/opt/foreign.raw'),
        'app',
      ]);
      assert.match(misfit.stderr, /extension-release\.foreign has ID=other, which is not ID=test/);
      const misnamed = stack('/opt/base', '/opt/misnamed.raw');
      const refused = await host.run([client, 'attach', ...misnamed, 'app']);
      assert.match(refused.stderr, /no extension-release\.misnamed in .*--force/);
      await portablectl('attach', '--now', '--force', ...misnamed, 'app');
      assert.equal(await seen('/usr/share/extension'), 'other 1');
      await portablectl('detach', '--now', '--force', ...misnamed, 'app');
      if (version < confexts) {
        const late = await host.run([client, 'attach', ...stack('/opt/base', '/opt/conf.raw'), 'app']);
        assert.notEqual(late.exitCode, 0);
        const both = stack('/opt/base', app(1), '/opt/conf.raw');
        const told = await host.run([client, 'attach', ...both, 'app']);
        assert.match(told.stderr, /systemd 252, and cannot mount '\/opt\/conf\.raw'.*systemd 255/);
      }
      await assertClean();
    });

    it('share an image without getting in each other’s way', async () => {
      const [one, two] = [stack('/opt/base_1.raw', app(1)), stack('/opt/base_1.raw', '/opt/tool.raw')];
      await portablectl('attach', '--now', ...one, 'app');
      await portablectl('attach', '--now', ...two, 'tool');
      const running = await pidOf('tool.service');
      await portablectl('detach', '--now', ...one, 'app');
      assert.equal(await stateOf(...one), 'detached');
      assert.equal(await stateOf(...two), 'running');
      assert.equal(await pidOf('tool.service'), running);
      assert.equal(await seen('/usr/share/extension', 'tool.service'), 'tool 1');
      assert.match(await portablectl('list'), /base_1 +raw .* running/);
      await portablectl('detach', '--now', ...two, 'tool');
      await assertClean();
    });

    it('are picked from their versions, again when one has gone', async () => {
      const [bad, each] = ['/opt/ver_2.raw', stack('/opt/base', '/opt/ver.raw.v')];
      await portablectl('attach', '--now', ...each, 'app');
      assert.equal(await seen('/usr/share/extension'), 'ver 2');
      await rename(host.path('/opt/ver.raw.v/ver_2.raw'), host.path(bad));
      await portablectl('reattach', '--now', ...each, 'app');
      assert.equal(await seen('/usr/share/extension'), 'ver 1');
      await rename(host.path(bad), host.path('/opt/ver.raw.v/ver_2.raw'));
      assert.equal(await stateOf(...each), 'running', 'whichever version is the newest');
      await portablectl('detach', '--now', ...each, 'app');
      await assertClean();
    });

    it('are detached when all images are gone', async () => {
      const each = stack('/opt/base_1.raw', app(1), conf);
      await portablectl('attach', ...each, 'app');
      for (const image of ['/opt/base_1.raw', app(1), conf]) await rm(host.path(image), { recursive: true });
      assert.equal(await stateOf(...each), 'attached');
      const stranger = await host.run([client, 'detach', ...stack('/opt/base_1.raw', app(1)), 'app']);
      assert.notEqual(stranger.exitCode, 0, 'fewer extensions are another attachment');
      await portablectl('detach', ...stack('base_7', path.basename(app(2)), path.basename(conf)), 'app');
      await assertClean();
      for (const image of ['/opt/base_1.raw', app(1), conf]) await writeImage(image);
    });

    if (suite === 'forky') {
      it('are the same to systemd’s own client and daemon', async () => {
        const layers = stack('/opt/base', '/opt/appdir', app(1), '/opt/conf');
        const newer = stack('/opt/base', '/opt/appdir', app(2), '/opt/conf');
        const tool = stack('/opt/base', '/opt/tool.raw');
        const script: readonly (readonly string[])[] = [
          // systemd mixes up directories when it is asked for metadata: docs/differences.md
          ['inspect', ...stack('/opt/base', app(1), '/opt/conf.raw'), 'app'],
          ['attach', '--now', ...layers, 'app'],
          ['attach', '--now', ...tool, 'tool'],
          ['is-attached', ...layers],
          ['is-attached', ...tool],
          ['attach', ...layers, 'app'],
          ['detach', ...layers, 'app'],
          ['reattach', '--now', ...newer, 'app'],
          ['is-attached', ...newer],
          ['detach', '--now', ...newer, 'app'],
          ['is-attached', ...tool],
          ['detach', '--now', '--clean', ...tool, 'tool'],
          ...['copy', 'symlink', 'mixed'].flatMap((mode) => [
            ['attach', '--runtime', `--copy=${mode}`, '--profile=strict', ...newer, 'app'],
            ['detach', '--runtime', ...newer, 'app'],
          ]),
          ['attach', ...stack('/opt/base', '/opt/foreign.raw'), 'app'],
          ['attach', ...stack('/opt/base', '/opt/misnamed.raw'), 'app'],
          ['attach', '--force', ...stack('/opt/base', '/opt/misnamed.raw'), 'app'],
          ['detach', ...stack('/opt/base', '/opt/misnamed.raw'), 'app'],
          ['detach', ...stack('/opt/base', '/opt/misnamed.raw'), 'app'],
        ];
        const play = async (): Promise<readonly unknown[]> => {
          const played: unknown[] = [];
          for (const args of script) {
            const { stdout, exitCode } = await host.run([client, '--no-pager', ...args]);
            const trees = new Map(await snapshotHost(host));
            for (const file of trees.keys()) if (!isComparable(file)) trees.delete(file);
            // what reattaching replaces is told of differently on purpose: docs/differences.md
            const said = args[0] === 'reattach' ? [] : stdout.split('\n').filter(isComparable).sort();
            played.push({ args, exitCode, said, trees: diffSnapshots(clean, trees).map(withoutNotes) });
          }
          return played;
        };
        await serveBy(host, 'systemd');
        const theirs = await play();
        await assertClean();
        await serveBy(host, 'ours');
        const ours = await play();
        assert.deepEqual(ours, theirs);
        await assertClean();
      });
    }
  });
}

/** Links to images: shared ones go with their first user or their last, docs/differences.md. */
function isComparable(line: string): boolean {
  return !/\/(run|etc)\/portables/.test(line);
}

/** What only ours writes into a drop-in: which copies of images an attachment has made. */
function withoutNotes(line: string): string {
  return line.replaceAll(/# portabled: copied '[^'\\]+'\\n/g, '');
}
