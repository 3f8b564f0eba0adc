/** Several images in one transaction, and changes on paper only. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import type { AttachRequest, Change, DetachRequest, Outcome } from '../../../src/portable/requests.ts';
import { failsWith } from '../../support/fails-with.ts';
import { attachRequest, detachRequest, portableRoots, unit } from '../../support/portable-root.ts';
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

const attaching = (...images: readonly string[]): readonly AttachRequest[] =>
  images.map((image) => attachRequest(image));
const detaching = (...images: readonly string[]): readonly DetachRequest[] =>
  images.map((image) => detachRequest(image));
const [one, two] = ['/srv/one_1', '/srv/two_1'];
const paths = (changes: readonly Change[] | undefined): readonly string[] =>
  (changes ?? []).map(({ path }) => path);
const flat = ({ images }: Outcome): readonly string[] => paths(images.flat());
const states = (...images: readonly string[]): Promise<readonly string[]> =>
  Promise.all(images.map((each) => host.portables.state({ image: each, extensions: [] })));

describe('several images', () => {
  it('are attached, reattached and detached together', async () => {
    const before = host.present();
    const { images } = await host.portables.attachAll(attaching(one, two));
    assert.equal(paths(images.flat()).filter((path) => path === attached).length, 1);
    assert.ok(paths(images[0]).includes(`${attached}/one.service`));
    assert.deepEqual(
      paths(images[1]).filter((path) => !path.includes('two')),
      [],
    );
    assert.deepEqual(await states(one, two), ['attached', 'attached']);
    assert.deepEqual(
      host.log.filter((line) => line.startsWith('attached')),
      ['attached one_1', 'attached two_1'],
    );
    const replaced = await host.portables.reattachAll(attaching('/srv/one_2', '/srv/two_2'));
    assert.ok(paths(replaced.images[1]).includes('/etc/portables/two_2'));
    assert.ok(paths(replaced.images[1]).includes('/etc/portables/two_1'));
    assert.match(host.read(`${attached}/one.service.d/20-portable.conf`), /RootDirectory=\/srv\/one_2/);
    const gone = await host.portables.detachAll(detaching('one', '/srv/two_2'));
    assert.ok(paths(gone.images[0]).every((path) => path.includes('one')));
    assert.equal(paths(gone.images[1]).at(-1), attached);
    assert.deepEqual(host.present(), before);
  });

  it('share an extension: it is linked once, and goes with the last of them', async () => {
    host.directory('/srv/layer', { '/usr/lib/os-release': null, [layerRelease]: 'ID=_any\n' });
    const extensions = ['/srv/layer'];
    const done = await host.portables.attachAll(
      attaching(one, two).map((request) => ({ ...request, extensions })),
    );
    assert.equal(flat(done).filter((path) => path === '/etc/portables/layer').length, 1);
    await host.portables.detach(detachRequest(one, { extensions }));
    assert.ok(host.present().some((line) => line.startsWith('/etc/portables/layer ')));
    await host.portables.detach(detachRequest(two, { extensions }));
    assert.ok(!host.present().some((line) => line.startsWith('/etc/portables/')));
  });

  it('all or none: what is wrong with one leaves the others alone', async () => {
    const before = host.present();
    await failsWith(host.portables.attachAll(attaching(one, two, 'nope')), 'NoSuchImage', /nope/);
    assert.deepEqual(host.present(), before);
    await host.portables.attachAll(attaching(one));
    const half = host.present();
    await failsWith(host.portables.detachAll(detaching(one, two)), 'NoSuchUnit', /two_1/);
    await failsWith(host.portables.reattachAll(attaching(one, two)), 'NoSuchUnit', /two_1/);
    await failsWith(host.portables.attachAll(attaching(one, two)), 'UnitExists', /one\.service/);
    assert.deepEqual(host.present(), half);
  });

  it('are refused where they contradict each other', async () => {
    host.directory('/srv/three', { '/usr/lib/systemd/system/one.service': unit });
    host.directory('/opt/two_1', { '/usr/lib/systemd/system/other.service': unit });
    const attempt = (...images: readonly string[]): Promise<unknown> =>
      host.portables.attachAll(attaching(...images));
    await failsWith(attempt(one, '/srv/three'), 'UnitExists', /one\.service.*\/srv\/one_1.*\/srv\/three/);
    await failsWith(attempt(one, one), 'InvalidArgs', /given twice/);
    await failsWith(attempt(two, '/opt/two_1'), 'FileExists', /\/srv\/two_1.*\/opt\/two_1/);
    const mixed = [attachRequest(one), attachRequest(two, { runtime: true })];
    await failsWith(host.portables.attachAll(mixed), 'InvalidArgs', /some are to stay/);
  });
});

describe('a dry run', () => {
  const dry = { dryRun: true };

  it('tells the changes and makes none, without the lock', async () => {
    const before = host.present();
    const planned = await host.portables.attachAll(attaching(one, two), dry);
    assert.deepEqual(host.present(), before);
    assert.ok(!host.log.some((line) => line.startsWith('attached')));
    assert.deepEqual(await host.portables.attachAll(attaching(one, two)), planned);
    const after = host.present();
    const replaced = await host.portables.reattach(attachRequest('/srv/one_2'), dry);
    const gone = await host.portables.detachAll(detaching(one, two), dry);
    assert.deepEqual(host.present(), after);
    assert.deepEqual(await host.portables.detachAll(detaching(one, two)), gone);
    assert.deepEqual(host.present(), before);
    assert.ok(replaced.removed.some(({ path }) => path === '/etc/portables/one_1'));
  });

  it('knows which directories will be left, and which will go', async () => {
    await host.portables.attachAll(attaching(one, two));
    writeFileSync(host.at(`${attached}/one.service.d/mine.conf`), '# mine\n');
    const planned = await host.portables.detachAll(detaching(one, two), dry);
    assert.ok(!flat(planned).includes(`${attached}/one.service.d`));
    assert.ok(flat(planned).includes(`${attached}/two.service.d`));
    assert.deepEqual(await host.portables.detachAll(detaching(one, two)), planned);
  });

  it('fails as the real thing would', async () => {
    await failsWith(host.portables.attach(attachRequest('nope'), dry), 'NoSuchImage', /nope/);
    mkdirSync(host.at(attached));
    writeFileSync(host.at(`${attached}/one.service.d`), '');
    await failsWith(host.portables.attach(attachRequest(one), dry), 'Failed', /one\.service\.d/);
  });
});
