/** A tree that is not running: enabling by links, what the tree says of its systemd, and nothing that leads out of it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { openPortables } from '../../../src/index.ts';
import type { Portables } from '../../../src/index.ts';
import { failsWith } from '../../support/fails-with.ts';
import { attachRequest, detachRequest, imageContent, unit, writeTree } from '../../support/portable-root.ts';
import { runSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { snapshot } from '../../support/snapshot.ts';

const scratch = scratchDirectory('offline');
const attached = '/etc/systemd/system.attached';
const wants = '/etc/systemd/system/multi-user.target.wants';
const wanted = `${unit}[Install]\nWantedBy=multi-user.target\n`;
let count = 0;
let root: string;
let portables: Portables;

const at = (inside: string): string => path.join(root, inside);
const image = (name: string, units: Readonly<Record<string, string>>): string => {
  const files = Object.entries(units).map(([unitName, text]) => [
    `/usr/lib/systemd/system/${unitName}`,
    text,
  ]);
  writeTree(at(name), imageContent(Object.fromEntries(files) as Record<string, string>));
  return name;
};
const enabled = { profile: '', enable: true };
const state = (name: string): Promise<string> => portables.state({ image: name, extensions: [] });

beforeEach(() => {
  root = path.join(scratch, String(++count));
  mkdirSync(root);
  portables = openPortables({ root });
});

describe('a tree that is not running', () => {
  it('gets units attached and enabled in one go, and is left as it was', async () => {
    image('/var/lib/portables/app', { 'app.service': wanted, 'app-plain.service': unit });
    const before = snapshot(root);
    const changes = await portables.attach(attachRequest('app', enabled));
    assert.deepEqual(changes.at(-1), {
      type: 'symlink',
      path: `${wants}/app.service`,
      source: `${attached}/app.service`,
    });
    assert.equal(readlinkSync(at(`${wants}/app.service`)), `${attached}/app.service`);
    assert.equal(await state('app'), 'enabled');
    const gone = await portables.detach(detachRequest('app', { disable: true }));
    assert.deepEqual(gone[0], { type: 'unlink', path: `${wants}/app.service`, source: '' });
    assert.equal(await state('app'), 'detached');
    const left = snapshot(root).filter((line) => !before.includes(line));
    assert.deepEqual(
      left.map((line) => line.split(' ')[0]),
      ['/etc', '/etc/systemd', '/etc/systemd/system'],
    );
  });

  it('enables what a new version brings, and disables what it lacks', async () => {
    image('/srv/app_1', { 'app-old.service': wanted, 'app.service': wanted });
    image('/srv/app_2', { 'app-new.service': wanted, 'app.service': wanted });
    await portables.attach(attachRequest('/srv/app_1', enabled));
    await portables.reattach(attachRequest('/srv/app_2', enabled));
    const links = ['app-old.service', 'app.service', 'app-new.service'].map((name) =>
      existsSync(path.join(root, attached, name)) ? readlinkSync(at(`${wants}/${name}`)) : undefined,
    );
    assert.deepEqual(links, [undefined, `${attached}/app.service`, `${attached}/app-new.service`]);
    assert.ok(!snapshot(at('/etc')).some((line) => line.includes('/app-old.service')));
  });

  it('disables by links that enable, and leaves all others', async () => {
    image('/var/lib/portables/app', { 'app.service': wanted });
    await portables.attach(attachRequest('app', enabled));
    const others = [
      'other.service.d/app.conf',
      'somebody/app.service',
      'multi-user.target.wants/sshd.service',
    ];
    for (const other of others) {
      mkdirSync(path.dirname(at(`/etc/systemd/system/${other}`)), { recursive: true });
      const target = other.includes('wants') ? '/usr/lib/sshd.service' : `${attached}/app.service`;
      symlinkSync(target, at(`/etc/systemd/system/${other}`));
    }
    await portables.detach(detachRequest('app', { disable: true }));
    assert.ok(!existsSync(at(`${wants}/app.service`)));
    for (const other of others) readlinkSync(at(`/etc/systemd/system/${other}`));
  });

  it('enables nothing when it cannot enable everything', async () => {
    image('/var/lib/portables/app', {
      'app-a.service': wanted,
      'app-b.service': `${unit}[Install]\nAlias=taken.service\n`,
    });
    writeTree(root, { '/etc/systemd/system/taken.service': unit });
    const before = snapshot(root);
    await failsWith(
      portables.attach(attachRequest('app', enabled)),
      'FileExists',
      /taken\.service.*a file is there/,
    );
    assert.deepEqual(snapshot(root), before);
    await portables.attach(attachRequest('app', { ...enabled, force: true }));
    assert.equal(readlinkSync(at('/etc/systemd/system/taken.service')), `${attached}/app-b.service`);
  });

  it('passes over templates that name no instance, and says so', async () => {
    image('/var/lib/portables/app', { 'app@.service': wanted });
    const said: string[] = [];
    const log = Object.fromEntries(
      ['error', 'warning', 'notice', 'info', 'debug'].map((level) => [
        level,
        (text: string) => said.push(text),
      ]),
    );
    portables = openPortables({ root, log: log as never });
    await portables.attach(attachRequest('app', enabled));
    assert.ok(!existsSync(at(wants)));
    assert.match(said.join('\n'), /not enabling 'app@\.service'.*DefaultInstance=/);
  });

  it('gets drop-ins for the systemd that is in it', async () => {
    const policyOf = async (library: string | undefined): Promise<string> => {
      image('/srv/packed', { 'app.service': unit });
      const raw = at('/srv/app.raw');
      runSync('mksquashfs', [at('/srv/packed'), raw, '-noappend', '-quiet', '-no-progress', '-all-root']);
      if (library !== undefined) writeTree(root, { [library]: '' });
      await portables.attach(attachRequest('/srv/app.raw', { profile: '' }));
      const text = runSync('cat', [at(`${attached}/app.service.d/20-portable.conf`)]);
      await portables.detach(detachRequest('/srv/app.raw'));
      runSync('rm', [raw]);
      return text.match(/^(?:RootImagePolicy|BindReadOnlyPaths)=.*$/gm)?.join(' ') ?? '';
    };
    assert.equal(await policyOf(undefined), '');
    const old = await policyOf('/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so');
    assert.match(old, /^BindReadOnlyPaths=/);
    assert.doesNotMatch(old, /Policy/);
    runSync('rm', ['-r', at('/usr')]);
    assert.match(
      await policyOf('/usr/lib/systemd/libsystemd-shared-257.7-1.fc42.so'),
      /^RootImagePolicy=root=/,
    );
  });

  it('has the profiles of the package where it has none of its own: as copies', async () => {
    image('/var/lib/portables/app', { 'app.service': unit });
    assert.deepEqual(await portables.profiles(), ['default', 'nonetwork', 'strict', 'trusted']);
    const changes = await portables.attach(attachRequest('app'));
    assert.equal(changes.find((change) => change.path.endsWith('10-profile.conf'))?.type, 'copy');
    await portables.detach(detachRequest('app'));
    writeTree(root, { '/usr/lib/systemd/portable/profile/default/service.conf': '# own\n' });
    const [link] = (await portables.attach(attachRequest('app'))).filter(({ type }) => type === 'symlink');
    assert.equal(link?.source, '/usr/lib/systemd/portable/profile/default/service.conf');
  });

  it('takes a profile by path: a file for services, or a directory', async () => {
    image('/var/lib/portables/app', {
      'app.service': unit,
      'app.socket': '[Socket]\nListenStream=/run/app\n',
    });
    const file = path.join(scratch, 'mine.conf');
    writeFileSync(file, '# mine\n');
    writeTree(path.join(scratch, 'profile'), { '/socket.conf': '# for sockets\n' });
    const profilesOf = async (profile: string): Promise<readonly string[]> => {
      const changes = await portables.attach(attachRequest('app', { profile }));
      await portables.detach(detachRequest('app'));
      return changes.filter((change) => change.path.endsWith('10-profile.conf')).map((change) => change.path);
    };
    assert.deepEqual(await profilesOf(file), [`${attached}/app.service.d/10-profile.conf`]);
    assert.deepEqual(await profilesOf(path.join(scratch, 'profile')), [
      `${attached}/app.socket.d/10-profile.conf`,
    ]);
    await failsWith(profilesOf(path.join(scratch, 'none')), 'InvalidArgs', /no profile at/);
  });
});

describe('links in a tree', () => {
  it('never lead out of it', async () => {
    const outside = path.join(scratch, 'outside');
    writeTree(outside, {
      '/app.service': unit,
      '/profile/leaked/service.conf': '# outside\n',
      '/app.service.d/20-portable.conf': "# Drop-in created for image '/outside', do not edit.\n",
      '/multi-user.target.wants/app.service': 'x',
    });
    image('/var/lib/portables/app', { 'app.service': wanted });
    const link = (inside: string, target = outside): void => {
      mkdirSync(path.dirname(at(inside)), { recursive: true });
      symlinkSync(target, at(inside));
    };
    const before = snapshot(outside);
    link('/run/systemd/system');
    link('/usr/local/lib/systemd/system');
    link('/usr/local/lib/systemd/portable/profile', `${outside}/profile`);
    link('/run/systemd/system.attached');
    link('/etc/systemd/system.attached/x.service.d', `${outside}/app.service.d`);
    link('/etc/systemd/system');
    link('/var/lib/portabled');
    link('/etc/portables');
    link('/usr/lib/systemd', `${outside}/none`);
    assert.ok(!(await portables.profiles()).includes('leaked'));
    assert.equal(await state('app'), 'detached');
    await portables.attach(attachRequest('app', enabled));
    assert.equal(await state('app'), 'enabled');
    image('/srv/elsewhere', { 'other.service': unit });
    await portables.attach(attachRequest('/srv/elsewhere', { profile: '' }));
    await portables.detach(detachRequest('app', { disable: true }));
    assert.deepEqual(snapshot(outside), before);
    assert.ok(existsSync(path.join(root, outside)), 'the targets are below the root');
  });
});
