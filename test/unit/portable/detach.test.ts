import assert from 'node:assert/strict';
import { existsSync, readlinkSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import { attachRequest, detachRequest, portableRoots, unit } from '../../support/portable-root.ts';
import type { PortableRoot } from '../../support/portable-root.ts';
import { failsWith } from '../../support/fails-with.ts';

const attached = '/etc/systemd/system.attached';

const newRoot = portableRoots('portables');
let host: PortableRoot;
beforeEach(() => {
  host = newRoot();
});

describe('detach', () => {
  it('removes the unit, its drop-ins, the links, and the directory, in this order', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    const before = host.present();
    await host.portables.attach(attachRequest(image));
    const changes = await host.portables.detach(detachRequest(image));
    assert.deepEqual(
      changes.map((change) => [change.type, change.path]),
      [
        ['unlink', `${attached}/app.service`],
        ['unlink', `${attached}/app.service.d/10-profile.conf`],
        ['unlink', `${attached}/app.service.d/20-portable.conf`],
        ['unlink', `${attached}/app.service.d`],
        ['unlink', '/etc/portables/app'],
        ['unlink', attached],
      ],
    );
    assert.deepEqual(host.present(), before);
  });

  it('touches exactly the named image', async () => {
    for (const name of ['a', 'b']) {
      host.directory(`/srv/${name}`, { [`/usr/lib/systemd/system/${name}.service`]: unit });
      await host.portables.attach(attachRequest(`/srv/${name}`));
    }
    const before = host.present();
    for (const image of ['nope', '/srv/nope', 'c_1', '/srv/a.raw']) {
      if (image === '/srv/a.raw') continue;
      await failsWith(host.portables.detach(detachRequest(image)), 'NoSuchUnit', /attached/);
    }
    await failsWith(host.portables.detach(detachRequest('a', { runtime: true })), 'NoSuchUnit', /attached/);
    await failsWith(
      host.portables.detach(detachRequest('a', { extensions: ['b'] })),
      'NoSuchUnit',
      /attached/,
    );
    assert.deepEqual(host.present(), before);
    await host.portables.detach(detachRequest('a'));
    assert.ok(existsSync(host.at(`${attached}/b.service`)));
    assert.ok(!existsSync(host.at(`${attached}/a.service`)));
  });

  it('works when the image is gone', async () => {
    const before = host.present();
    for (const by of ['app', '/srv/app_1', 'app_2']) {
      host.directory('/srv/app_1', { '/usr/lib/systemd/system/app.service': unit });
      await host.portables.attach(attachRequest('/srv/app_1'));
      rmSync(host.at('/srv/app_1'), { recursive: true });
      await host.portables.detach(detachRequest(by));
      assert.deepEqual(host.present(), before, by);
    }
  });

  it('means one attachment by name, by link and by real path', async () => {
    host.directory('/srv/real_1', { '/usr/lib/systemd/system/app.service': unit });
    symlinkSync('/srv/real_1', host.at('/var/lib/portables/linked'));
    const before = host.present();
    for (const by of ['linked', '/var/lib/portables/linked', '/srv/real_1']) {
      await host.portables.attach(attachRequest('linked'));
      assert.equal(await host.portables.state({ image: by, extensions: [] }), 'attached', by);
      await host.portables.detach(detachRequest(by));
      assert.deepEqual(host.present(), before, by);
    }
  });

  it('never deletes an image, or a link that leads elsewhere', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    await host.portables.attach(attachRequest(image));
    rmSync(host.at('/etc/portables/app'));
    symlinkSync('/srv/other', host.at('/etc/portables/app'));
    await host.portables.detach(detachRequest(image));
    assert.ok(
      host.present().some((line) => line.startsWith('/etc/portables/app ') && line.endsWith('-> /srv/other')),
    );
    assert.ok(existsSync(host.at('/srv/app/usr/lib/os-release')));
  });

  it('leaves foreign files and their directory', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    await host.portables.attach(attachRequest(image));
    writeFileSync(host.at(`${attached}/app.service.d/50-mine.conf`), '[Service]\n');
    await host.portables.detach(detachRequest(image));
    assert.deepEqual(
      host
        .present()
        .filter((line) => line.includes('.attached'))
        .map((line) => line.split(' ')[0]),
      [attached, `${attached}/app.service.d`, `${attached}/app.service.d/50-mine.conf`],
    );
  });

  it('takes a drop-in directory without its unit for attached', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    const before = host.present();
    await host.portables.attach(attachRequest(image));
    rmSync(host.at(`${attached}/app.service`));
    assert.equal(await host.portables.state({ image, extensions: [] }), 'attached');
    await host.portables.detach(detachRequest(image));
    assert.deepEqual(host.present(), before);
  });

  it('refuses while a unit runs, unless forced', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    const before = host.present();
    await host.portables.attach(attachRequest(image));
    const during = host.present();
    host.manager.active.set('app.service', 'active');
    await failsWith(
      host.portables.detach(detachRequest(image)),
      'UnitExists',
      /app\.service.*systemctl stop/,
    );
    assert.deepEqual(host.present(), during);
    await host.portables.detach(detachRequest(image, { force: true }));
    assert.deepEqual(host.present(), before);
  });

  it('keeps attachments that share an image apart', async () => {
    const base = host.directory('/srv/base', { '/usr/lib/systemd/system/app.service': unit });
    for (const name of ['one', 'two']) {
      host.directory(`/srv/${name}`, {
        [`/usr/lib/extension-release.d/extension-release.${name}`]: 'ID=demo\nVERSION_ID=1\n',
        [`/usr/lib/systemd/system/${name}.service`]: unit,
      });
    }
    const before = host.present();
    const request = (name: string) => ({ extensions: [`/srv/${name}`], matches: [name] });
    await host.portables.attach(attachRequest(base, request('one')));
    await host.portables.attach(attachRequest(base, request('two')));
    await host.portables.detach(detachRequest(base, { extensions: ['/srv/one'] }));
    assert.ok(existsSync(host.at(`${attached}/two.service`)));
    assert.equal(readlinkSync(host.at('/etc/portables/base')), base, 'the link is still needed');
    assert.equal(await host.portables.state({ image: base, extensions: ['/srv/two'] }), 'attached');
    assert.equal(await host.portables.state({ image: base, extensions: ['/srv/one'] }), 'detached');
    await host.portables.detach(detachRequest(base, { extensions: ['/srv/two'] }));
    assert.deepEqual(host.present(), before);
  });

  it('is not kept from its work by broken neighbours', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    await host.portables.attach(attachRequest(image));
    mkdirSync(host.at(`${attached}/dir.service.d/20-portable.conf`), { recursive: true });
    mkdirSync(host.at(`${attached}/loop.service.d`));
    symlinkSync('20-portable.conf', host.at(`${attached}/loop.service.d/20-portable.conf`));
    writeFileSync(host.at(`${attached}/file.service.d`), '');
    writeFileSync(host.at(`${attached}/bytes.service`), Buffer.from([0xff, 0xfe]));
    assert.equal(await host.portables.state({ image, extensions: [] }), 'attached');
    await host.portables.detach(detachRequest(image));
    assert.ok(!existsSync(host.at(`${attached}/app.service`)));
  });
});
