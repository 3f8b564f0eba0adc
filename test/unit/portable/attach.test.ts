import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import { PortableError } from '../../../src/base/errors.ts';
import { attachRequest, detachRequest, portableRoots, unit } from '../../support/portable-root.ts';
import type { PortableRoot } from '../../support/portable-root.ts';
import { failsWith } from '../../support/fails-with.ts';

const attached = '/etc/systemd/system.attached';

const newRoot = portableRoots('portables');
let host: PortableRoot;
beforeEach(() => {
  host = newRoot();
});

describe('attach', () => {
  it('puts drop-ins first and the unit last, and reports every change', async () => {
    const image = host.directory('/srv/app_1', { '/usr/lib/systemd/system/app.service': unit });
    const changes = await host.portables.attach(attachRequest(image));
    assert.deepEqual(changes, [
      { type: 'mkdir', path: attached, source: '' },
      { type: 'mkdir', path: `${attached}/app.service.d`, source: '' },
      { type: 'write', path: `${attached}/app.service.d/20-portable.conf`, source: '' },
      {
        type: 'symlink',
        path: `${attached}/app.service.d/10-profile.conf`,
        source: '/usr/lib/systemd/portable/profile/default/service.conf',
      },
      {
        type: 'copy',
        path: `${attached}/app.service`,
        source: '/srv/app_1/usr/lib/systemd/system/app.service',
      },
      { type: 'symlink', path: '/etc/portables/app_1', source: '/srv/app_1' },
    ]);
    assert.equal(host.read(`${attached}/app.service`), unit);
    assert.equal(lstatSync(host.at(`${attached}/app.service`)).mode & 0o7777, 0o644);
    assert.equal(
      host.read(`${attached}/app.service.d/20-portable.conf`),
      "# Drop-in created for image '/srv/app_1', do not edit.\n\n[Service]\nRootDirectory=/srv/app_1\n" +
        'Environment=PORTABLE=app_1\nLogExtraFields=PORTABLE=app_1\nLogExtraFields=PORTABLE_NAME_AND_VERSION=demo_1\n',
    );
  });

  it('makes no link for an image of the search path', async () => {
    host.directory('/var/lib/portables/app', { '/usr/lib/systemd/system/app.service': unit });
    const before = host.present();
    await host.portables.attach(attachRequest('app'));
    assert.ok(!existsSync(host.at('/etc/portables/app')));
    await host.portables.detach(detachRequest('app'));
    assert.deepEqual(host.present(), before);
  });

  it('puts runtime attachments below /run, and leaves nothing there', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    const before = host.present();
    const changes = await host.portables.attach(attachRequest(image, { runtime: true }));
    assert.ok(existsSync(host.at('/run/systemd/system.attached/app.service')));
    // the directory of links comes and goes without a word
    const made = changes.filter(({ type }) => type === 'mkdir').map(({ path }) => path);
    const directory = '/run/systemd/system.attached';
    assert.deepEqual(made, [directory, `${directory}/app.service.d`]);
    assert.equal(readlinkSync(host.at('/run/portables/app')), image);
    await host.portables.detach(detachRequest(image, { runtime: true }));
    assert.deepEqual(
      host.present().filter((line) => !line.startsWith('/run/systemd ')),
      before,
    );
  });

  it('links units of directories in symlink mode, to where they really are in the image', async () => {
    const image = host.directory('/srv/app', {
      '/usr/lib/systemd/system/app.service': unit,
      '/etc/systemd/system/app.timer': { link: '/usr/share/app.timer' },
      '/usr/share/app.timer': '[Timer]\nOnBootSec=1\n',
    });
    await host.portables.attach(attachRequest(image, { copyMode: 'symlink' }));
    assert.equal(
      readlinkSync(host.at(`${attached}/app.service`)),
      '/srv/app/usr/lib/systemd/system/app.service',
    );
    // as stored, the link would lead to the host's /usr/share
    assert.equal(readlinkSync(host.at(`${attached}/app.timer`)), '/srv/app/usr/share/app.timer');
  });

  it('copies profiles in copy mode', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    const changes = await host.portables.attach(
      attachRequest(image, { copyMode: 'copy', profile: 'strict' }),
    );
    const profile = `${attached}/app.service.d/10-profile.conf`;
    assert.equal(changes.find((change) => change.path === profile)?.type, 'copy');
    assert.ok(lstatSync(host.at(profile)).isFile());
    assert.equal(host.read(profile), '# strict\n[Service]\n');
  });

  it('copies images in mixed mode, and takes only its own copy away', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    const before = host.present();
    await host.portables.attach(attachRequest(image, { copyMode: 'mixed' }));
    assert.equal(host.read('/etc/portables/app/usr/lib/systemd/system/app.service'), unit);
    await host.portables.detach(detachRequest(image));
    assert.deepEqual(host.present(), before);
  });

  it('links what it must not read through: images of the same name elsewhere are in the way', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    host.directory('/etc/portables/app', { '/usr/lib/systemd/system/other.service': unit });
    const before = host.present();
    // what is no link is somebody's image: no force makes us remove it
    for (const force of [false, true]) {
      for (const copyMode of ['', 'mixed'] as const) {
        const attach = host.portables.attach(attachRequest(image, { force, copyMode }));
        await failsWith(attach, 'FileExists', /\/etc\/portables\/app/);
        assert.deepEqual(host.present(), before);
      }
    }
  });

  it('keeps a link that an administrator made', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    symlinkSync(image, host.at('/etc/portables/app'));
    await host.portables.attach(attachRequest(image));
    await host.portables.detach(detachRequest(image));
    assert.equal(readlinkSync(host.at('/etc/portables/app')), image);
  });

  it('takes any valid name there and back', async () => {
    for (const name of [
      'with space',
      'q"uote',
      "it's",
      'a:b',
      'back\\slash',
      'ümlaut',
      '%n',
      '$x',
      '_',
      'end ',
      'end\\',
      '日本 "x" \\%',
    ]) {
      const image = host.directory(`/srv/${name}`, { '/usr/lib/systemd/system/app.service': unit });
      const before = host.present();
      await host.portables.attach(attachRequest(image));
      assert.equal(await host.portables.state({ image, extensions: [] }), 'attached', name);
      assert.equal(await host.portables.state({ image: name, extensions: [] }), 'attached', name);
      await host.portables.detach(detachRequest(name));
      assert.deepEqual(host.present(), before, name);
    }
  });
});

describe('attach refuses', () => {
  /** The host is as it was, apart from our own lock and journal directories. */
  async function leavesHostAlone(work: () => Promise<unknown>, code: string, message: RegExp): Promise<void> {
    const before = host.present();
    await failsWith(work(), code, message);
    assert.deepEqual(host.present(), before);
  }

  it('an unknown profile, and one that is a path', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    for (const profile of ['nope', '../default', '..', 'default/']) {
      await leavesHostAlone(
        () => host.portables.attach(attachRequest(image, { profile })),
        'InvalidArgs',
        /profile/,
      );
    }
    await assert.rejects(
      host.portables.attach(attachRequest(image, { profile: 'nope' })),
      (error) => error instanceof PortableError && error.hint === 'there are: default, strict',
    );
  });

  it('a unit that is on the host anywhere, naming where', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    for (const place of ['/usr/lib/systemd/system', '/etc/systemd/system', '/run/systemd/transient']) {
      mkdirSync(host.at(place), { recursive: true });
      writeFileSync(host.at(`${place}/app.service`), '');
      await leavesHostAlone(
        () => host.portables.attach(attachRequest(image)),
        'UnitExists',
        new RegExp(`app\\.service.*${place}`),
      );
      host = newRoot();
      host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    }
  });

  it('a unit that is an alias on the host, naming both', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    mkdirSync(host.at('/etc/systemd/system'), { recursive: true });
    symlinkSync('/usr/lib/systemd/system/real.service', host.at('/etc/systemd/system/app.service'));
    await leavesHostAlone(
      () => host.portables.attach(attachRequest(image)),
      'UnitExists',
      /app\.service.*real\.service/,
    );
  });

  it('a unit that runs, also as an instance', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app@.service': unit });
    host.manager.active.set('app@7.service', 'deactivating');
    await leavesHostAlone(() => host.portables.attach(attachRequest(image)), 'UnitExists', /app@7\.service/);
  });

  it('prefixes that the image does not allow', async () => {
    const image = host.directory('/srv/app', {
      '/usr/lib/os-release': 'ID=x\nPORTABLE_PREFIXES="app other"\n',
      '/usr/lib/systemd/system/app-a.service': unit,
      '/usr/lib/systemd/system/extra.service': unit,
    });
    for (const match of ['app-a', 'extra']) {
      await leavesHostAlone(
        () => host.portables.attach(attachRequest(image, { matches: ['app', match] })),
        'InvalidArgs',
        new RegExp(`does not allow the prefix '${match}'`),
      );
    }
    const changes = await host.portables.attach(attachRequest(image));
    assert.deepEqual(
      changes.filter((change) => change.type === 'copy').map((change) => change.path),
      [`${attached}/app-a.service`],
    );
  });

  it('images without matching units, without ID, for another scope, without os-release', async () => {
    const plain = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    await leavesHostAlone(
      () => host.portables.attach(attachRequest(plain, { matches: ['nope'] })),
      'NoMatchingUnitFiles',
      /\/srv\/app/,
    );
    const noId = host.directory('/srv/noid', {
      '/usr/lib/os-release': 'NAME=x\n',
      '/usr/lib/systemd/system/a.service': unit,
    });
    await leavesHostAlone(() => host.portables.attach(attachRequest(noId)), 'Stale', /ID=/);
    const user = host.directory('/srv/user', {
      '/usr/lib/os-release': 'ID=x\nPORTABLE_SCOPE=user\n',
      '/usr/lib/systemd/system/a.service': unit,
    });
    await leavesHostAlone(() => host.portables.attach(attachRequest(user)), 'InvalidArgs', /PORTABLE_SCOPE/);
    mkdirSync(host.at('/srv/empty'));
    await leavesHostAlone(
      () => host.portables.attach(attachRequest('/srv/empty')),
      'InvalidArgs',
      /lacks os-release/,
    );
  });

  it('names and paths of no image', async () => {
    await leavesHostAlone(() => host.portables.attach(attachRequest('nope')), 'NoSuchImage', /nope/);
    await leavesHostAlone(
      () => host.portables.attach(attachRequest('/srv/nope')),
      'FileNotFound',
      /\/srv\/nope/,
    );
    await leavesHostAlone(
      () => host.portables.attach(attachRequest('foo.raw.v')),
      'NoSuchImage',
      /foo\.raw\.v/,
    );
    writeFileSync(host.at('/srv/text'), 'x');
    await leavesHostAlone(
      () => host.portables.attach(attachRequest('/srv/text')),
      'BadImageType',
      /\/srv\/text/,
    );
    await leavesHostAlone(() => host.portables.attach(attachRequest('../x')), 'InvalidArgs', /relative/);
  });

  it('a path that unit syntax cannot carry', async () => {
    const image = host.directory('/srv/new\nline', { '/usr/lib/systemd/system/app.service': unit });
    await leavesHostAlone(
      () => host.portables.attach(attachRequest(image)),
      'InvalidArgs',
      /control characters/,
    );
  });

  it('to overwrite what is not its own', async () => {
    const image = host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
    mkdirSync(host.at(`${attached}/app.service.d`), { recursive: true });
    writeFileSync(host.at(`${attached}/app.service.d/20-portable.conf`), '# mine\n');
    await leavesHostAlone(
      () => host.portables.attach(attachRequest(image)),
      'FileExists',
      /20-portable\.conf/,
    );
    await host.portables.attach(attachRequest(image, { force: true }));
    assert.match(host.read(`${attached}/app.service.d/20-portable.conf`), /^# Drop-in created/);
  });
});

describe('two changes at once', () => {
  it('never mix: of two images with one unit, one is attached and the other refused', async () => {
    const a = host.directory('/srv/a', { '/usr/lib/systemd/system/app.service': unit });
    const b = host.directory('/srv/b', { '/usr/lib/systemd/system/app.service': `${unit}# b\n` });
    const results = await Promise.allSettled([
      host.portables.attach(attachRequest(a)),
      host.portables.attach(attachRequest(b)),
    ]);
    assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
    const winner = results[0].status === 'fulfilled' ? a : b;
    assert.match(host.read(`${attached}/app.service.d/20-portable.conf`), new RegExp(`'${winner}'`));
  });
});
