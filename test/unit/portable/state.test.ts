import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { attachRequest, portableRoots, unit } from '../../support/portable-root.ts';
import type { PortableRoot } from '../../support/portable-root.ts';

const newRoot = portableRoots('state');
let host: PortableRoot;
beforeEach(() => {
  host = newRoot();
});

const state = (image: string) => host.portables.state({ image, extensions: [] });

describe('state', () => {
  it('is detached for what is not attached, there or not', async () => {
    host.directory('/var/lib/portables/app', { '/usr/lib/systemd/system/app.service': unit });
    host.directory('/srv/dir', { '/file': '' });
    for (const image of ['app', 'nope', '/srv/nope.raw', '/srv/dir/file', '/srv/dir/file/below.raw']) {
      assert.equal(await state(image), 'detached', image);
    }
  });

  it('is attached, enabled, running; each with -runtime below /run', async () => {
    host.directory('/var/lib/portables/app', { '/usr/lib/systemd/system/app.service': unit });
    host.directory('/var/lib/portables/tmp', { '/usr/lib/systemd/system/tmp@.service': unit });
    await host.portables.attach(attachRequest('app'));
    await host.portables.attach(attachRequest('tmp', { runtime: true }));
    assert.equal(await state('app'), 'attached');
    assert.equal(await state('tmp'), 'attached-runtime');
    for (const name of ['static', 'disabled', 'linked', 'linked-runtime']) {
      host.manager.files.set('app.service', name);
      assert.equal(await state('app'), 'attached', name);
    }
    host.manager.files.set('app.service', 'enabled').set('tmp@.service', 'enabled-runtime');
    assert.equal(await state('app'), 'enabled');
    assert.equal(await state('tmp'), 'enabled-runtime');
    host.manager.active.set('app.service', 'activating').set('tmp@x.service', 'active');
    assert.equal(await state('app'), 'running');
    assert.equal(await state('tmp'), 'running-runtime');
    host.manager.active.set('app.service', 'failed').set('tmp@x.service', 'inactive');
    assert.equal(await state('app'), 'enabled');
    assert.equal(await state('tmp'), 'enabled-runtime');
  });

  it('names what is persistent first when units are in both places', async () => {
    host.directory('/var/lib/portables/app', {
      '/usr/lib/systemd/system/app-a.service': unit,
      '/usr/lib/systemd/system/app-b.service': unit,
    });
    await host.portables.attach(attachRequest('app', { matches: ['app-a'], runtime: true }));
    await host.portables.attach(attachRequest('app', { matches: ['app-b'] }));
    assert.equal(await state('app'), 'attached');
    await host.portables.detach({ image: 'app', extensions: [], runtime: false, force: false });
    assert.equal(await state('app'), 'attached-runtime');
  });

  it('counts every use of an image asked for alone, and with extensions only that attachment', async () => {
    host.directory('/srv/app_1', { '/usr/lib/systemd/system/app.service': unit });
    for (const name of ['ext', 'other']) {
      host.directory(`/srv/${name}`, {
        [`/usr/lib/extension-release.d/extension-release.${name}`]: 'ID=_any\n',
      });
    }
    await host.portables.attach(attachRequest('/srv/app_1', { extensions: ['/srv/ext'] }));
    for (const image of ['/srv/app_1', '/srv/app_2', '/srv/ext', '/srv/ext_7', 'app', 'ext']) {
      assert.equal(await state(image), 'attached', image);
    }
    assert.equal(await state('/srv/other'), 'detached');
    const with_ = (...extensions: string[]) => host.portables.state({ image: '/srv/app_1', extensions });
    assert.equal(await with_('/srv/ext'), 'attached');
    assert.equal(await with_('/srv/other'), 'detached');
    assert.equal(await with_('/srv/ext', '/srv/other'), 'detached');
  });

  it('is not that of another image', async () => {
    for (const name of ['app', 'application', 'app-x']) {
      host.directory(`/var/lib/portables/${name}`, { [`/usr/lib/systemd/system/${name}.service`]: unit });
    }
    await host.portables.attach(attachRequest('app'));
    assert.equal(await state('application'), 'detached');
    assert.equal(await state('app-x'), 'detached');
  });

  it('costs two queries for any number of images', async () => {
    for (let i = 0; i < 20; i++) {
      host.directory(`/var/lib/portables/app${i}`, { [`/usr/lib/systemd/system/app${i}.service`]: unit });
      await host.portables.attach(attachRequest(`app${i}`));
    }
    host.manager.queries = 0;
    const listed = await host.portables.listImages();
    assert.equal(listed.length, 20);
    assert.ok(listed.every((each) => each.state === 'attached'));
    assert.equal(host.manager.queries, 2);
  });
});
