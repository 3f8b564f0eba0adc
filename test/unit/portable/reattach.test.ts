import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import { failsWith } from '../../support/fails-with.ts';
import { attachRequest, detachRequest, portableRoots, unit } from '../../support/portable-root.ts';
import type { PortableRoot } from '../../support/portable-root.ts';

const attached = '/etc/systemd/system.attached';
const newRoot = portableRoots('reattach');
let host: PortableRoot;
beforeEach(() => {
  host = newRoot();
});

const version = (v: string, units: readonly string[]) => ({
  '/usr/lib/os-release': `ID=demo\nVERSION_ID=${v}\n`,
  ...Object.fromEntries(units.map((name) => [`/usr/lib/systemd/system/${name}`, `${unit}# ${v}\n`])),
});

describe('reattach', () => {
  it('moves to a new version: reports exactly what is gone and what was written', async () => {
    host.directory('/srv/app_1', version('1', ['app.service', 'app-old.service']));
    host.directory('/srv/app_2', version('2', ['app.service', 'app-new.socket']));
    await host.portables.attach(attachRequest('/srv/app_1'));
    host.manager.active.set('app.service', 'active');
    const { removed, updated } = await host.portables.reattach(attachRequest('/srv/app_2', { profile: '' }));
    assert.deepEqual(
      removed.map((change) => change.path),
      [
        `${attached}/app-old.service`,
        `${attached}/app-old.service.d/10-profile.conf`,
        `${attached}/app-old.service.d/20-portable.conf`,
        `${attached}/app-old.service.d`,
        `${attached}/app.service.d/10-profile.conf`,
        '/etc/portables/app_1',
      ],
    );
    assert.deepEqual(
      updated.map((change) => [change.type, change.path]),
      [
        ['mkdir', `${attached}/app-new.socket.d`],
        ['write', `${attached}/app-new.socket.d/20-portable.conf`],
        ['copy', `${attached}/app-new.socket`],
        ['write', `${attached}/app.service.d/20-portable.conf`],
        ['copy', `${attached}/app.service`],
        ['symlink', '/etc/portables/app_2'],
      ],
    );
    assert.match(host.read(`${attached}/app.service`), /# 2/);
    assert.match(host.read(`${attached}/app.service.d/20-portable.conf`), /'\/srv\/app_2'/);
  });

  it('leaves what a fresh attach would leave', async () => {
    host.directory('/srv/app_1', version('1', ['app.service', 'app-old.service']));
    host.directory('/srv/app_2', version('2', ['app.service', 'app-new.socket']));
    await host.portables.attach(attachRequest('/srv/app_2'));
    const fresh = host.present();
    await host.portables.detach(detachRequest('/srv/app_2'));
    await host.portables.attach(attachRequest('/srv/app_1'));
    await host.portables.reattach(attachRequest('/srv/app_2'));
    assert.deepEqual(host.present(), fresh);
  });

  it('works by the name of a pool image, and onto itself', async () => {
    host.directory('/var/lib/portables/app', version('1', ['app.service']));
    await host.portables.attach(attachRequest('app'));
    const before = host.present();
    const { removed, updated } = await host.portables.reattach(attachRequest('app'));
    assert.deepEqual(removed, []);
    assert.deepEqual(
      updated.map((change) => change.type),
      ['write', 'symlink', 'copy'],
    );
    assert.deepEqual(host.present(), before);
  });

  it('replaces a copied image', async () => {
    host.directory('/srv/app_1', version('1', ['app.service']));
    host.directory('/srv/app_2', version('2', ['app.service']));
    await host.portables.attach(attachRequest('/srv/app_1', { copyMode: 'mixed' }));
    await host.portables.reattach(attachRequest('/srv/app_2', { copyMode: 'mixed' }));
    assert.ok(!existsSync(host.at('/etc/portables/app_1')));
    assert.match(host.read('/etc/portables/app_2/usr/lib/os-release'), /VERSION_ID=2/);
    await host.portables.reattach(attachRequest('/srv/app_2', { copyMode: 'mixed' }));
    assert.match(host.read('/etc/portables/app_2/usr/lib/os-release'), /VERSION_ID=2/);
    await host.portables.reattach(attachRequest('/srv/app_2'));
    assert.ok(host.present().some((line) => /^\/etc\/portables\/app_2 .*-> \/srv\/app_2$/.test(line)));
  });

  it('checks everything before it changes anything', async () => {
    host.directory('/srv/app_1', version('1', ['app.service']));
    host.directory('/srv/app_2', version('2', ['other.service']));
    host.directory('/srv/app_3', {
      '/usr/lib/os-release': 'NAME=x\n',
      '/usr/lib/systemd/system/app.service': unit,
    });
    await host.portables.attach(attachRequest('/srv/app_1'));
    const before = host.present();
    await failsWith(
      host.portables.reattach(attachRequest('/srv/app_2', { matches: ['app'] })),
      'NoMatchingUnitFiles',
      /app/,
    );
    await failsWith(host.portables.reattach(attachRequest('/srv/app_3')), 'Stale', /ID=/);
    await failsWith(
      host.portables.reattach(attachRequest('/srv/app_1', { profile: 'x' })),
      'InvalidArgs',
      /profile/,
    );
    await failsWith(host.portables.reattach(attachRequest('/srv/app_9')), 'FileNotFound', /app_9/);
    assert.deepEqual(host.present(), before);
  });

  it('refuses what is not attached', async () => {
    host.directory('/srv/app_1', version('1', ['app.service']));
    host.directory('/srv/other', version('1', ['other.service']));
    await host.portables.attach(attachRequest('/srv/other'));
    const before = host.present();
    await failsWith(host.portables.reattach(attachRequest('/srv/app_1')), 'NoSuchUnit', /app_1/);
    assert.deepEqual(host.present(), before);
  });

  it('does not take over units of another image', async () => {
    host.directory('/srv/app_1', version('1', ['app.service']));
    host.directory('/srv/app_2', version('2', ['app.service', 'other.service']));
    host.directory('/srv/other', version('1', ['other.service']));
    await host.portables.attach(attachRequest('/srv/other'));
    await host.portables.attach(attachRequest('/srv/app_1'));
    const before = host.present();
    await failsWith(
      host.portables.reattach(attachRequest('/srv/app_2')),
      'UnitExists',
      /other\.service.*\/srv\/other/,
    );
    assert.deepEqual(host.present(), before);
  });
});
