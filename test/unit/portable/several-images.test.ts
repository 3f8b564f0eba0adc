/** Several images in one transaction, and changes on paper only. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import type { AttachOptions, ImageRef } from '../../../src/portable/requests.ts';
import { failsWith } from '../../support/fails-with.ts';
import { attachRequest, portableRoots, unit } from '../../support/portable-root.ts';
import type { PortableRoot } from '../../support/portable-root.ts';

const newRoot = portableRoots('several');
const attached = '/etc/systemd/system.attached';
const layerRelease = '/usr/lib/extension-release.d/extension-release.layer';
let host: PortableRoot;
beforeEach(() => {
  host = newRoot();
  for (const name of ['one', 'two']) {
    host.directory(`/srv/${name}_1`, { [`/usr/lib/systemd/system/${name}.service`]: unit });
    host.directory(`/srv/${name}_2`, { [`/usr/lib/systemd/system/${name}.service`]: unit });
  }
});

const image = (path: string, ...extensions: readonly string[]): ImageRef => ({ image: path, extensions });
const both = [image('/srv/one_1'), image('/srv/two_1')];
const options = (changed: Partial<AttachOptions> = {}): AttachOptions => attachRequest('', changed);
const detaching = { runtime: false, force: false };
const states = (...images: readonly string[]): Promise<readonly string[]> =>
  Promise.all(images.map((each) => host.portables.state(image(each))));

describe('several images', () => {
  it('are attached, reattached and detached together', async () => {
    const before = host.present();
    const changes = await host.portables.attachAll(both, options());
    assert.equal(changes.filter(({ type, path }) => type === 'mkdir' && path === attached).length, 1);
    assert.deepEqual(await states('/srv/one_1', '/srv/two_1'), ['attached', 'attached']);
    assert.deepEqual(
      host.log.filter((line) => line.startsWith('attached')),
      ['attached one_1', 'attached two_1'],
    );
    const { updated } = await host.portables.reattachAll(
      [image('/srv/one_2'), image('/srv/two_2')],
      options(),
    );
    assert.ok(updated.some(({ path }) => path === '/etc/portables/two_2'));
    assert.match(host.read(`${attached}/one.service.d/20-portable.conf`), /RootDirectory=\/srv\/one_2/);
    await host.portables.detachAll([image('one'), image('/srv/two_2')], detaching);
    assert.deepEqual(host.present(), before);
  });

  it('share an extension: it is linked once, and goes with the last of them', async () => {
    host.directory('/srv/layer', { '/usr/lib/os-release': null, [layerRelease]: 'ID=_any\n' });
    const layered = [image('/srv/one_1', '/srv/layer'), image('/srv/two_1', '/srv/layer')];
    const changes = await host.portables.attachAll(layered, options());
    assert.equal(changes.filter(({ path }) => path === '/etc/portables/layer').length, 1);
    await host.portables.detachAll(layered.slice(0, 1), detaching);
    assert.ok(host.present().some((line) => line.startsWith('/etc/portables/layer ')));
    await host.portables.detachAll(layered.slice(1), detaching);
    assert.ok(!host.present().some((line) => line.startsWith('/etc/portables/')));
  });

  it('all or none: what is wrong with one leaves the others alone', async () => {
    const before = host.present();
    await failsWith(host.portables.attachAll([...both, image('nope')], options()), 'NoSuchImage', /nope/);
    assert.deepEqual(host.present(), before);
    await host.portables.attachAll(both.slice(0, 1), options());
    const half = host.present();
    await failsWith(host.portables.detachAll(both, detaching), 'NoSuchUnit', /two_1/);
    await failsWith(host.portables.reattachAll(both, options()), 'NoSuchUnit', /two_1/);
    await failsWith(host.portables.attachAll(both, options()), 'UnitExists', /one\.service/);
    assert.deepEqual(host.present(), half);
  });

  it('are refused where they contradict each other', async () => {
    host.directory('/srv/three', { '/usr/lib/systemd/system/one.service': unit });
    host.directory('/opt/two_1', { '/usr/lib/systemd/system/other.service': unit });
    const attempt = (...paths: readonly string[]): Promise<unknown> =>
      host.portables.attachAll(
        paths.map((path) => image(path)),
        options(),
      );
    await failsWith(
      attempt('/srv/one_1', '/srv/three'),
      'UnitExists',
      /one\.service.*\/srv\/one_1.*\/srv\/three/,
    );
    await failsWith(attempt('/srv/one_1', '/srv/one_1'), 'InvalidArgs', /given twice/);
    await failsWith(attempt('/srv/two_1', '/opt/two_1'), 'FileExists', /\/srv\/two_1.*\/opt\/two_1/);
  });
});

describe('a dry run', () => {
  const dry = { dryRun: true };

  it('tells the changes and makes none, without the lock', async () => {
    const before = host.present();
    const planned = await host.portables.attachAll(both, options(), dry);
    assert.deepEqual(host.present(), before);
    assert.ok(!host.log.some((line) => line.startsWith('attached')));
    assert.deepEqual(await host.portables.attachAll(both, options()), planned);
    const after = host.present();
    const replaced = await host.portables.reattachAll([image('/srv/one_2')], options(), dry);
    const gone = await host.portables.detachAll(both, detaching, dry);
    assert.deepEqual(host.present(), after);
    assert.deepEqual(await host.portables.detachAll(both, detaching), gone);
    assert.deepEqual(host.present(), before);
    assert.ok(replaced.removed.some(({ path }) => path === '/etc/portables/one_1'));
  });

  it('knows which directories will be left, and which will go', async () => {
    await host.portables.attachAll(both, options());
    writeFileSync(host.at(`${attached}/one.service.d/mine.conf`), '# mine\n');
    const planned = await host.portables.detachAll(both, detaching, dry);
    assert.ok(!planned.some(({ path }) => path === `${attached}/one.service.d`));
    assert.ok(planned.some(({ path }) => path === `${attached}/two.service.d`));
    assert.deepEqual(await host.portables.detachAll(both, detaching), planned);
  });

  it('fails as the real thing would', async () => {
    await failsWith(host.portables.attach(attachRequest('nope'), dry), 'NoSuchImage', /nope/);
    mkdirSync(host.at(attached));
    writeFileSync(host.at(`${attached}/one.service.d`), '');
    await failsWith(host.portables.attach(attachRequest('/srv/one_1'), dry), 'Failed', /one\.service\.d/);
  });
});
