import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

import { completionFiles } from '../../src/completion/files.ts';
import { connect } from '../../src/dbus/connection.ts';
import { bundle } from '../../src/install/bundle.ts';
import { install } from '../../src/install/install.ts';
import { repository } from '../../src/install/layout.ts';
import { manualPages } from '../../src/install/plan.ts';
import { uninstall } from '../../src/install/uninstall.ts';
import { bundledDaemon, manager, sandboxRoot, start, waitForName } from '../support/daemon.ts';
import { startBus } from '../support/private-bus.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { snapshot } from '../support/snapshot.ts';

const built = scratchDirectory('bundle');
await bundle(built);

const lib = '/usr/local/lib/portabled';

/** A tree with things of others in it, among them directories that ours will share. */
function otherTree(files: Readonly<Record<string, string>> = {}): string {
  const root = scratchDirectory('destdir');
  const others = {
    '/etc/systemd/system/other.service': '[Service]\n',
    '/usr/local/lib/other/file': 'x',
    '/usr/share/polkit-1/actions/org.freedesktop.portable1.policy': '<policyconfig/>',
    ...files,
  };
  for (const [path, text] of Object.entries(others)) put(root, path, text);
  return root;
}

function put(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

async function installInto(
  root: string,
  settings: { prefix?: string; node?: string } = {},
): Promise<string[]> {
  const said: string[] = [];
  await install({
    root,
    prefix: '/usr/local',
    node: process.execPath,
    bundle: built,
    say: (text) => said.push(text),
    replaceRunning: () => Promise.resolve(),
    ...settings,
  });
  return said;
}

async function uninstallFrom(
  root: string,
  settings: { prefix?: string; force?: boolean } = {},
): Promise<[boolean, string[]]> {
  const said: string[] = [];
  const found = await uninstall({
    root,
    prefix: '/usr/local',
    force: false,
    say: (text) => said.push(text),
    stopRunning: () => Promise.resolve(),
    ...settings,
  });
  return [found, said];
}

/** Paths of all files below a directory. */
function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .sort();
}

describe('an installation below a directory', () => {
  it('is complete, and leaves nothing behind', async () => {
    const root = otherTree();
    const before = snapshot(root);
    await installInto(root);
    const expected = [
      '/etc/dbus-1/system.d/portabled.conf',
      '/etc/systemd/system/dbus-org.freedesktop.portable1.service',
      '/etc/systemd/system/sysinit.target.wants/portabled-recover.service',
      '/etc/systemd/user/dbus-org.freedesktop.portable1.service',
      '/usr/local/bin/portable-build',
      '/usr/local/bin/portablectl',
      '/usr/local/bin/portabled',
      '/usr/local/bin/portabled-dissect',
      `${lib}/LICENSES`,
      `${lib}/chunks/main.cjs`,
      `${lib}/chunks/main.cjs.cache`,
      `${lib}/dissect-chunks/main.cjs`,
      `${lib}/dissect-chunks/main.cjs.cache`,
      `${lib}/installed.json`,
      `${lib}/portable-build-chunks/main.cjs`,
      `${lib}/portable-build.cjs`,
      `${lib}/portablectl-chunks/main.cjs`,
      `${lib}/portablectl-chunks/main.cjs.cache`,
      `${lib}/portablectl.cjs`,
      `${lib}/portabled-dissect.cjs`,
      `${lib}/portabled.cjs`,
      ...['profile', 'user-profile'].flatMap((directory) =>
        ['default', 'nonetwork', 'strict', 'trusted'].map(
          (name) => `${lib}/${directory}/${name}/service.conf`,
        ),
      ),
      '/usr/local/lib/systemd/system/portabled-recover.service',
      '/usr/local/lib/systemd/system/portabled.service',
      '/usr/local/lib/systemd/user/portabled.service',
      '/usr/local/share/dbus-1/interfaces/org.freedesktop.portable1.xml',
      '/usr/local/share/dbus-1/services/org.freedesktop.portable1.service',
      '/usr/local/share/dbus-1/system-services/org.freedesktop.portable1.service',
      '/usr/local/share/doc/portabled/portabled.conf',
      ...completionFiles.map(({ path }) => `/usr/local/${path}`),
      ...manualPages.map((page) => `/usr/local/share/man/man${page.slice(-1)}/${page}`),
      '/usr/share/polkit-1/actions/portabled.policy',
    ];
    const installed = filesBelow(root).filter((path) => !before.some((line) => line.startsWith(`${path} `)));
    assert.deepEqual(
      installed.filter((path) => !/chunks\/(?!main\.)/.test(path)),
      expected.sort(),
    );
    assert.deepEqual(await uninstallFrom(root), [true, []]);
    assert.deepEqual(snapshot(root), before);
    assert.deepEqual(await uninstallFrom(root), [false, []]);
  });

  it('can be repeated, and replaced by another version, without a trace of the first', async () => {
    const root = otherTree();
    const before = snapshot(root);
    await installInto(root);
    const files = filesBelow(root);
    await installInto(root);
    assert.deepEqual(filesBelow(root), files);
    // as an older version would have left it
    const manifest = join(root, lib, 'installed.json');
    const list = JSON.parse(readFileSync(manifest, 'utf8')) as { files: Record<string, string> };
    put(root, `${lib}/chunks/old-ABC.cjs`, 'old');
    list.files[`${lib}/chunks/old-ABC.cjs`] = 'sha256:0';
    writeFileSync(manifest, JSON.stringify(list));
    await installInto(root);
    assert.deepEqual(filesBelow(root), files);
    await uninstallFrom(root);
    assert.deepEqual(snapshot(root), before);
  });

  it('stays inside a tree whose directories are absolute links', async () => {
    const root = otherTree();
    const outside = scratchDirectory('outside');
    mkdirSync(join(root, outside, 'lib'), { recursive: true });
    // in the tree, this leads to a directory of the tree
    symlinkSync(join(outside, 'lib'), join(root, 'opt'));
    await installInto(root, { prefix: '/opt/p' });
    assert.deepEqual(readdirSync(outside), []);
    assert.ok(existsSync(join(root, outside, 'lib/p/lib/portabled/portabled.cjs')));
    await uninstallFrom(root, { prefix: '/opt/p' });
    assert.deepEqual(readdirSync(join(root, outside, 'lib')), []);
  });

  it('fills in where Node and the daemon are, and nothing of the checkout', async () => {
    const root = otherTree();
    const said = await installInto(root, { prefix: '/opt/p', node: '/opt/node/bin/node' });
    assert.match(said.join('\n'), /\/opt\/node\/bin\/node does not run here/);
    const unit = readFileSync(join(root, '/usr/local/lib/systemd/system/portabled.service'), 'utf8');
    const command = '/opt/node/bin/node /opt/p/lib/portabled/portabled.cjs';
    assert.ok(unit.includes(`\nExecStart=${command}\n`));
    const program = join(root, '/opt/p/bin/portabled');
    assert.equal(readlinkSync(program), '../lib/portabled/portabled.cjs');
    assert.match(readFileSync(program, 'utf8'), /^#!\/opt\/node\/bin\/node\n/);
    assert.equal(statSync(program).mode & 0o777, 0o755);
    for (const file of filesBelow(root)) {
      if (file.startsWith('/etc/systemd/') && file.includes('portable')) {
        assert.ok(existsSync(join(root, readlinkSync(join(root, file)))), file);
        continue;
      }
      const content = readFileSync(join(root, file), 'latin1');
      assert.ok(!content.includes(repository), file);
      if (!file.includes('chunks/')) assert.doesNotMatch(content, /@(node|lib|flags)@/, file);
    }
    const before = filesBelow(otherTree());
    await uninstallFrom(root, { prefix: '/opt/p' });
    assert.deepEqual(filesBelow(root), before);
  });

  it('of a distribution goes below /usr', async () => {
    const root = otherTree();
    const before = snapshot(root);
    await installInto(root, { prefix: '/usr' });
    assert.ok(
      filesBelow(root).every(
        (path) => !path.startsWith('/usr/local/') || path.startsWith('/usr/local/lib/other'),
      ),
    );
    assert.ok(existsSync(join(root, '/usr/share/dbus-1/system.d/portabled.conf')));
    await uninstallFrom(root, { prefix: '/usr' });
    assert.deepEqual(snapshot(root), before);
  });

  it('runs from anywhere, with the code caches made for it', async () => {
    const root = scratchDirectory('destdir');
    await installInto(root);
    const elsewhere = join(scratchDirectory('elsewhere'), 'lib');
    renameSync(join(root, lib), elsewhere);
    rmSync(root, { recursive: true });
    const bus = await startBus();
    const client = await connect({ address: bus.address });
    const program = [process.execPath, join(elsewhere, 'portabled.cjs')] as const;
    const daemon = start([...program, '--bus', bus.address, '--root', sandboxRoot()]);
    await waitForName(client);
    await client.call({ ...manager, member: 'ListImages' }, '', []);
    const profiles = await client.call(
      { ...manager, interface: 'org.freedesktop.DBus.Properties', member: 'Get' },
      'ss',
      [manager.interface, 'Profiles'],
    );
    // profiles of our own come from where we are, and the root is empty: a tree has only its own
    assert.deepEqual(profiles.values('v')[0].signature, 'as');
    daemon.kill('SIGTERM');
    assert.equal(await daemon.ended, 0);
    assert.equal(daemon.stderr(), '');
    const check = new URL('../support/check-code-caches.ts', import.meta.url).pathname;
    const { stdout } = await execa(process.execPath, ['--import', 'tsx', check, elsewhere]);
    const lines = stdout.split('\n');
    for (const wanted of [
      'chunks/main.',
      'chunks/portables-',
      'portablectl-chunks/main.',
      'portablectl-chunks/attach-',
    ]) {
      assert.ok(
        lines.some((line) => line.startsWith(`taken ${wanted}`)),
        stdout,
      );
    }
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('taken ')),
      [],
    );
  });
});

describe('files of others', () => {
  const activation = '/usr/local/share/dbus-1/system-services/org.freedesktop.portable1.service';
  const alias = '/etc/systemd/system/dbus-org.freedesktop.portable1.service';

  it('that do what ours would are kept, through install and uninstall', async () => {
    const root = otherTree({ [activation]: '# theirs\n' });
    const before = snapshot(root);
    const said = await installInto(root);
    assert.match(
      said.join('\n'),
      new RegExp(`${activation} is somebody else's and does what ours would: kept`),
    );
    assert.equal(readFileSync(join(root, activation), 'utf8'), '# theirs\n');
    await uninstallFrom(root);
    assert.deepEqual(snapshot(root), before);
  });

  it('that are in the way stop the installation before it changes anything', async () => {
    const root = otherTree();
    symlinkSync('/somewhere/else.service', join(root, alias));
    const before = snapshot(root);
    await assert.rejects(
      installInto(root),
      new RegExp(`not installed: these files are there and not ours: ${alias}$`),
    );
    assert.deepEqual(snapshot(root), before);
  });

  it('are what ours have become when they were changed: kept, and named', async () => {
    const root = otherTree();
    await installInto(root);
    const policy = '/usr/share/polkit-1/actions/portabled.policy';
    put(root, policy, 'changed');
    put(root, `${lib}/profile/default/service.conf`, 'changed too');
    const [, said] = await uninstallFrom(root);
    assert.deepEqual(said, [`${policy} was changed since it was installed: kept`]);
    assert.deepEqual(filesBelow(root), [...filesBelow(otherTree()), policy].sort());
  });
});

describe('an uninstallation', () => {
  it('does not take profiles away from attached units, unless forced', async () => {
    const root = otherTree();
    await installInto(root);
    const dropIn = join(root, 'run/systemd/system.attached/foo.service.d');
    mkdirSync(dropIn, { recursive: true });
    symlinkSync(`${lib}/profile/strict/service.conf`, join(dropIn, '10-profile.conf'));
    const before = snapshot(root);
    await assert.rejects(
      uninstallFrom(root),
      /these attached units have their profile from .*: foo\.service\n/,
    );
    assert.deepEqual(snapshot(root), before);
    assert.deepEqual(await uninstallFrom(root, { force: true }), [true, []]);
  });

  it('keeps a journal of something that was interrupted, and removes what says nothing', async () => {
    const root = otherTree();
    const before = snapshot(root);
    await installInto(root);
    mkdirSync(join(root, 'var/lib/portabled/transactions'), { recursive: true });
    put(root, '/run/portabled/lock', '');
    await uninstallFrom(root);
    rmSync(join(root, 'var'), { recursive: true });
    rmSync(join(root, 'run'), { recursive: true });
    assert.deepEqual(snapshot(root), before);
    await installInto(root);
    put(root, '/var/lib/portabled/transactions/1.undo', 'x');
    await uninstallFrom(root);
    assert.deepEqual(readdirSync(join(root, 'var/lib/portabled/transactions')), ['1.undo']);
  });

  it('knows what it does not know', async () => {
    const root = otherTree();
    await installInto(root);
    put(root, `${lib}/installed.json`, '{"version":1,"files":{"/etc/../etc/passwd":"x"},"directories":[]}');
    await assert.rejects(uninstallFrom(root), /installed\.json is not the list of an installation/);
  });
});

describe('a Node that will not do', () => {
  it('is refused when it is too old, or its name would need quoting', async () => {
    const directory = scratchDirectory('node');
    const old = join(directory, 'node');
    writeFileSync(old, '#!/bin/sh\necho v18.20.4\n', { mode: 0o755 });
    const root = otherTree();
    const before = snapshot(root);
    await assert.rejects(
      installInto(root, { node: old }),
      /is v18\.20\.4; portabled needs Node 20\.17 or newer$/,
    );
    await assert.rejects(
      installInto(root, { node: '/my node' }),
      /--node needs an absolute path without spaces/,
    );
    await assert.rejects(installInto(root, { node: 'node' }), /--node needs an absolute path/);
    assert.deepEqual(snapshot(root), before);
  });
});

it('the bundle runs without code caches, too', async () => {
  const [program, ...args] = await bundledDaemon();
  const copy = scratchDirectory('copy');
  cpSync(dirname(args.at(-1)!), copy, { recursive: true });
  for (const name of readdirSync(join(copy, 'chunks')))
    writeFileSync(join(copy, 'chunks', `${name}.cache`), 'not a cache');
  const version = start([program, join(copy, 'portabled.cjs'), '--version']);
  assert.equal(await version.ended, 0);
  assert.match(version.stdout(), /^portabled /);
});
