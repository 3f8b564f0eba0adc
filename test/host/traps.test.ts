/**
 * Where systemd goes wrong, and what only a real host can show of ours: that the service manager reads drop-ins as they
 * were meant, whatever an image is called, and that users learn and do no more than they may.
 */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { BusCall, HostBus } from './bus.ts';
import { bootHost, tester, type Host } from './host.ts';
import { idleService, writeImageTree, writeSquashfsImage, type ImageContents } from './images.ts';
import { withPortabled } from './install-portabled.ts';
import { allowEverything } from './polkit-rule.ts';
import { busOwner } from './serving.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';
import { diffSnapshots, snapshotHost } from './tree-snapshot.ts';

const settings = hostSettings(process.env);

/** Every character that means something to somebody on the way from a file name to a service's root. */
const names = [
  ...[
    'with space',
    "it's",
    'q"uote',
    `b"o'th`,
    'co:lon',
    'back\\slash',
    'x\\x20y',
    '100%n',
    '%%',
    '$HOME',
    '${x}',
  ],
  ...[
    '#hash',
    ';semi',
    '[Service]',
    'eq=ual',
    '~tilde',
    'ümlaut',
    '日本 "x" \\%',
    'end ',
    'end\\',
    '-dash',
    'a,b',
    '{}',
  ],
];

/** Since 255 the service manager loses quotes and colons in extension images on the way to systemd-executor. */
const lostByExecutor = /["':]/;

const needsPermission = 'org.freedesktop.DBus.Error.InteractiveAuthorizationRequired';

for (const suite of chosenSuites(process.env, ['trixie'])) {
  describe(`traps of systemd ${suites[suite]}`, () => {
    let host: Host;
    let scratch: string;
    let bus: HostBus;
    let user: HostBus;

    before(async () => {
      scratch = await mkdtemp(path.join(tmpdir(), 'traps-'));
      host = await bootHost({ ...settings, suite, ...withPortabled() });
      await host.check(['mkdir', '-p', '/opt', '/var/lib/portables']);
      bus = await host.bus();
      user = await host.bus({ uid: tester.uid });
    });
    after(async () => {
      await host.stop();
      await rm(scratch, { recursive: true });
    });

    const attach = (image: string, extensions: readonly string[] = []): Promise<readonly unknown[]> =>
      bus.get({
        member: 'AttachImageWithExtensions',
        signature: 'sasassst',
        body: [image, extensions, [], '', '', 1n],
      });
    const detach = (image: string, extensions: readonly string[] = []): Promise<readonly unknown[]> =>
      bus.get({ member: 'DetachImageWithExtensions', signature: 'sast', body: [image, extensions, 1n] });
    const errorOf = async (from: HostBus, call: BusCall): Promise<string> => {
      const reply = await from.call(call);
      return reply.ok ? 'none' : reply.error;
    };

    /** Runs these units, and looks at each of them while all of them run. */
    const whileRunning = async (
      units: readonly string[],
      look: (unit: string, pid: number, i: number) => Promise<void>,
    ): Promise<void> => {
      await host.check(['systemctl', 'daemon-reload']);
      const { stderr } = await host.run(['systemd-analyze', 'verify', '--man=no', ...units]);
      // it looks for programs in the host's own root only
      const complaints = stderr
        .split('\n')
        .filter((line) => !/^$|: Command \/usr\/bin\/idle is not exec/.test(line));
      assert.deepEqual(complaints, []);
      await host.check(['systemctl', 'start', ...units]);
      for (const [i, unit] of units.entries()) {
        const pid = Number(await host.check(['systemctl', 'show', '-P', 'MainPID', unit]));
        assert.notEqual(pid, 0, unit);
        await look(unit, pid, i);
      }
      await host.check(['systemctl', 'stop', ...units]);
    };
    /** A file as a process sees it. */
    const seenBy = (pid: number, file: string): Promise<string> => host.read(`/proc/${pid}/root${file}`);
    const environmentOf = async (pid: number): Promise<readonly string[]> =>
      (await host.read(`/proc/${pid}/environ`)).split('\0');
    /** What journald adds to every entry of a unit: each field with its length before it. */
    const journalFieldsOf = (unit: string): Promise<string> =>
      host.read(`/run/systemd/units/log-extra-fields:${unit}`);

    const contents = (name: string, i: number): ImageContents => ({
      units: { [`trap-${i}.service`]: `${idleService}Type=exec\n` },
      files: { 'usr/share/marker': name },
    });

    for (const kind of ['directory', 'raw'] as const) {
      it(`services run from ${kind} images of any name`, async () => {
        const before = await snapshotHost(host);
        const images = names.map((name) => `/opt/${name}${kind === 'raw' ? '.raw' : ''}`);
        for (const [i, image] of images.entries()) {
          if (kind === 'raw') await writeSquashfsImage(host.path(image), contents(image, i));
          else await writeImageTree(host.path(image), contents(image, i));
          await attach(image);
        }
        await whileRunning(
          images.map((_, i) => `trap-${i}.service`),
          async (unit, pid, i) => {
            const image = images[i] ?? '';
            const name = path.basename(image);
            assert.equal(await seenBy(pid, '/usr/share/marker'), image);
            assert.ok((await environmentOf(pid)).includes(`PORTABLE=${name}`), unit);
            assert.ok((await journalFieldsOf(unit)).includes(`PORTABLE=${name}`), unit);
            assert.equal(
              await host.check([
                'systemctl',
                'show',
                '-P',
                kind === 'raw' ? 'RootImage' : 'RootDirectory',
                unit,
              ]),
              `${image}\n`,
            );
          },
        );
        for (const image of images) {
          await detach(image);
          await rm(host.path(image), { recursive: true });
        }
        assert.deepEqual(diffSnapshots(before, await snapshotHost(host)), []);
      });

      it(`services run with ${kind} extensions of any name`, async () => {
        const before = await snapshotHost(host);
        await writeImageTree(host.path('/opt/base'), {});
        const usable = kind === 'raw' ? names.filter((name) => !lostByExecutor.test(name)) : names;
        const extensions = usable.map((name) => `/opt/${name}${kind === 'raw' ? '.raw' : ''}`);
        for (const [i, at] of extensions.entries()) {
          const extension = { name: usable[i] ?? '', kind: 'sysext', fields: { ID: '_any' } } as const;
          const described = { ...contents(at, i), extension };
          if (kind === 'raw') await writeSquashfsImage(host.path(at), described);
          else await writeImageTree(host.path(at), described);
          await attach('/opt/base', [at]);
        }
        await whileRunning(
          extensions.map((_, i) => `trap-${i}.service`),
          async (unit, pid, i) => {
            const extension = extensions[i] ?? '';
            assert.equal(await seenBy(pid, '/usr/share/marker'), extension);
            assert.ok((await environmentOf(pid)).includes(`PORTABLE=${path.basename(extension)}`), unit);
            const fields = await journalFieldsOf(unit);
            assert.ok(fields.includes(`PORTABLE_EXTENSION=${path.basename(extension)}`), unit);
          },
        );
        for (const extension of extensions) {
          await detach('/opt/base', [extension]);
          await rm(host.path(extension), { recursive: true });
        }
        assert.deepEqual(diffSnapshots(before, await snapshotHost(host)), []);
      });
    }

    it('users are told by name what the world may read, and nothing else without being asked', async () => {
      const files = { 'usr/lib/systemd/system/secret.service': idleService };
      await writeImageTree(host.path('/var/lib/portables/open'), { files });
      await writeImageTree(host.path('/var/lib/portables/closed'), { files });
      await chmod(host.path('/var/lib/portables/closed'), 0o700);
      await writeImageTree(host.path('/var/lib/portables/part'), { files });
      await chmod(host.path('/var/lib/portables/part/usr/lib/systemd/system/secret.service'), 0o600);
      for (const [name, mode] of [
        ['openraw', 0o644],
        ['closedraw', 0o600],
      ] as const) {
        await writeSquashfsImage(host.path(`/var/lib/portables/${name}.raw`), { files });
        await chmod(host.path(`/var/lib/portables/${name}.raw`), mode);
      }
      for (const [name, expected] of [
        ['open', 'none'],
        ['openraw', 'none'],
        ['closed', needsPermission],
        ['closedraw', needsPermission],
        ['part', needsPermission],
      ] as const) {
        const metadata = { member: 'GetImageMetadata', signature: 'sas', body: [name, []] };
        assert.equal(await errorOf(user, metadata), expected, name);
        assert.equal(await errorOf(bus, metadata), 'none', name);
        const object = {
          path: `/org/freedesktop/portable1/image/${name}`,
          interface: 'org.freedesktop.portable1.Image',
          member: 'GetMetadata',
          signature: 'as',
          body: [[]],
        };
        assert.equal(await errorOf(user, object), expected, `object of ${name}`);
      }
      // os-release of "part" is readable, but whoever asks for it may as well ask for the rest
      assert.equal(
        await errorOf(user, { member: 'GetImageOSRelease', signature: 's', body: ['closedraw'] }),
        needsPermission,
      );
    });

    it('extensions count: by path, and by a name that not everybody may read', async () => {
      const extension = { name: 'ext', kind: 'sysext', fields: { ID: '_any' } } as const;
      await writeSquashfsImage(host.path('/var/lib/portables/ext.raw'), { extension });
      const metadata = (given: string): BusCall => ({
        member: 'GetImageMetadataWithExtensions',
        signature: 'sasast',
        body: ['open', [given], [], 0n],
      });
      assert.equal(await errorOf(user, metadata('ext')), 'none');
      assert.equal(await errorOf(user, metadata('/var/lib/portables/ext.raw')), needsPermission);
      await chmod(host.path('/var/lib/portables/ext.raw'), 0o600);
      assert.equal(await errorOf(user, metadata('ext')), needsPermission);
    });

    it('users reach what polkit may allow them, with extensions, too', async () => {
      const undo = await allowEverything(host, tester.name);
      try {
        const attaching = {
          member: 'AttachImageWithExtensions',
          signature: 'sasassst',
          body: ['/var/lib/portables/open', [], [], '', '', 1n],
        };
        assert.equal(await errorOf(user, attaching), 'none');
        const detaching = { member: 'DetachImageWithExtensions', signature: 'sast', body: ['open', [], 1n] };
        assert.equal(await errorOf(user, detaching), 'none');
        const marking = (readOnly: boolean): BusCall => ({
          member: 'MarkImageReadOnly',
          signature: 'sb',
          body: ['open', readOnly],
        });
        assert.equal(await errorOf(user, marking(true)), 'none');
        assert.match(await host.check(['lsattr', '-d', '/var/lib/portables/open']), /^\S*i\S* /);
        assert.equal(await errorOf(user, marking(false)), 'none');
      } finally {
        await undo();
      }
    });

    it('a name that ends in .v crashes nobody', async () => {
      await host.check(['mkdir', '-p', '/var/lib/portables/versions.raw.v', '/var/lib/portables/trees.v']);
      const { pid } = await busOwner(host);
      for (const name of ['versions.raw.v', 'trees.v', 'trees', 'versions']) {
        const asked = { member: 'GetImage', signature: 's', body: [name] };
        assert.equal(await errorOf(user, asked), 'org.freedesktop.portable1.NoSuchImage', name);
      }
      assert.equal((await busOwner(host)).pid, pid);
    });

    // a directory that is removed while it is read is gone, or has lost its os-release already
    const gone = ['org.freedesktop.portable1.NoSuchImage', 'org.freedesktop.DBus.Error.InvalidArgs'];

    it('a call sees the state at its start, however fast calls come', async () => {
      const image = '/var/lib/portables/brief';
      const named = (member: string): BusCall => ({ member, signature: 's', body: ['brief'] });
      for (let round = 0; round < 5; round++) {
        await writeImageTree(host.path(image), { units: { 'brief.service': `# ${round}\n${idleService}` } });
        // sent at once: the daemon works on all of them in one turn
        const [found, metadata, removed] = await Promise.all([
          bus.call(named('GetImage')),
          bus.call({ member: 'GetImageMetadata', signature: 'sas', body: ['brief', []] }),
          bus.call(named('RemoveImage')),
        ]);
        assert.deepEqual(
          [found, removed].filter((reply) => !reply.ok),
          [],
        );
        assert.ok(metadata.ok || gone.includes(metadata.error), JSON.stringify(metadata));
        assert.equal(await errorOf(bus, named('GetImage')), 'org.freedesktop.portable1.NoSuchImage');
        assert.equal(await errorOf(bus, named('RemoveImage')), 'org.freedesktop.portable1.NoSuchImage');
      }
    });

    it('of clients that attach the same units at once one gets all of them', async () => {
      const before = await snapshotHost(host);
      const units = { 'same-1.service': idleService, 'same-2.service': idleService };
      const images = ['a', 'b', 'c', 'd'].map((name) => `/opt/same-${name}`);
      for (const image of images) await writeImageTree(host.path(image), { units });
      const clients = await Promise.all(images.map(() => host.bus()));
      const replies = await Promise.all(
        clients.map((client, i) =>
          client.call({ member: 'AttachImage', signature: 'sassbs', body: [images[i], [], '', true, ''] }),
        ),
      );
      const winner = images[replies.findIndex((reply) => reply.ok)] ?? '';
      const losers = replies.flatMap((reply) => (reply.ok ? [] : reply.error));
      assert.deepEqual(losers, Array(3).fill('org.freedesktop.systemd1.UnitExists'));
      for (const unit of Object.keys(units)) {
        const dropIn = await host.read(`/run/systemd/system.attached/${unit}.d/20-portable.conf`);
        assert.match(dropIn, new RegExp(`image '${winner}',`));
      }
      await bus.get({ member: 'DetachImage', signature: 'sb', body: [winner, true] });
      assert.deepEqual(diffSnapshots(before, await snapshotHost(host)), []);
    });
  });
}
