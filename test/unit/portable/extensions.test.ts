import assert from 'node:assert/strict';
import { renameSync, symlinkSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import { failsWith } from '../../support/fails-with.ts';
import { attachRequest, detachRequest, portableRoots, unit } from '../../support/portable-root.ts';
import type { Content, PortableRoot } from '../../support/portable-root.ts';

const newRoot = portableRoots('extensions');
let host: PortableRoot;
beforeEach(() => {
  host = newRoot();
  host.directory('/srv/base', {});
});

const sysext = (name: string, content: Content = {}): Content => ({
  [`/usr/lib/extension-release.d/extension-release.${name}`]: 'ID=_any\n',
  '/usr/lib/systemd/system/app.service': unit,
  ...content,
});
const confext = (name: string): Content => ({
  [`/etc/extension-release.d/extension-release.${name}`]: 'ID=_any\n',
});
const attach = (...extensions: readonly string[]) =>
  host.portables.attach(attachRequest('/srv/base', { extensions }));
const dropIn = (name = 'app.service'): string =>
  host.read(`/etc/systemd/system.attached/${name}.d/20-portable.conf`);

describe('extensions that an older service manager cannot mount', () => {
  it('are refused, saying what takes them: configuration extensions before 255', async () => {
    host.directory('/srv/app', sysext('app'));
    host.directory('/srv/conf', confext('conf'));
    host.manager.systemd = 254;
    const before = host.present();
    await failsWith(
      attach('/srv/app', '/srv/conf'),
      'NotSupported',
      /systemd 254.*'\/srv\/conf'.*systemd 255/,
    );
    assert.deepEqual(host.present(), before);
    host.manager.systemd = 255;
    await attach('/srv/app', '/srv/conf');
  });

  it('are refused, saying what takes them: directories named without their version', async () => {
    host.directory('/srv/app_1', sysext('app'));
    host.manager.systemd = 252;
    await failsWith(
      attach('/srv/app_1'),
      'NotSupported',
      /extension-release\.app is not named after it.*256/,
    );
    host.manager.systemd = 257;
    await attach('/srv/app_1');
  });

  it('are not refused when no service manager says which it is', async () => {
    host.directory('/srv/app_1', sysext('app'));
    host.directory('/srv/conf', confext('conf'));
    host.manager.systemd = undefined;
    await attach('/srv/app_1', '/srv/conf');
  });
});

describe('the service manager is told not to insist on names', () => {
  const relaxed = /^ExtensionImages=\/srv\/app_1\.raw:x-systemd\.relax-extension-release-check$/m;

  it('before 256, of images named without their version', async () => {
    host.raw('/srv/app_1.raw', sysext('app'));
    host.manager.systemd = 255;
    await attach('/srv/app_1.raw');
    assert.match(dropIn(), relaxed);
  });

  it('by force, and not otherwise', async () => {
    host.raw('/srv/app_1.raw', sysext('app'));
    await attach('/srv/app_1.raw');
    assert.match(dropIn(), /^ExtensionImages=\/srv\/app_1\.raw$/m);
    await host.portables.reattach(
      attachRequest('/srv/base', { extensions: ['/srv/app_1.raw'], forceExtension: true }),
    );
    assert.match(dropIn(), relaxed);
  });
});

describe('an extension', () => {
  it('is known by its real name, not that of a link to it', async () => {
    host.directory('/srv/app', sysext('app'));
    host.directory('/srv/other', sysext('link'));
    symlinkSync('app', host.at('/srv/link'));
    await attach('/srv/link');
    assert.match(dropIn(), /^ExtensionDirectories=\/srv\/app$/m);
    await host.portables.detach(detachRequest('/srv/base', { extensions: ['/srv/link'] }));
    symlinkSync('other', host.at('/srv/app2'));
    await failsWith(attach('/srv/app2'), 'FileNotFound', /called 'other'/);
  });

  it('cannot be given twice, in whatever words', async () => {
    host.directory('/srv/app', sysext('app'));
    symlinkSync('app', host.at('/srv/link'));
    await failsWith(attach('/srv/app', '/srv/link'), 'InvalidArgs', /'\/srv\/app' is given twice/);
  });

  it('cannot take the name of another one outside of the search path', async () => {
    host.directory('/srv/a/app', sysext('app'));
    host.directory('/srv/b/app', sysext('app'));
    const taken = /'\/etc\/portables\/app': another image of the same attachment/;
    await failsWith(attach('/srv/a/app', '/srv/b/app'), 'FileExists', taken);
  });

  it('is reattached in the version there is, and is meant in any', async () => {
    for (const version of ['1', '2']) {
      host.directory(`/srv/app.v/app_${version}`, sysext('app', { '/usr/share/version': version }));
    }
    const each = { extensions: ['/srv/app.v'] };
    await attach('/srv/app.v');
    assert.match(dropIn(), /^ExtensionDirectories=\/srv\/app\.v\/app_2$/m);
    renameSync(host.at('/srv/app.v/app_2'), host.at('/srv/gone'));
    assert.equal(await host.portables.state({ image: '/srv/base', ...each }), 'attached');
    await host.portables.reattach(attachRequest('/srv/base', each));
    assert.match(dropIn(), /^ExtensionDirectories=\/srv\/app\.v\/app_1$/m);
    renameSync(host.at('/srv/app.v'), host.at('/srv/all'));
    await host.portables.detach(detachRequest('/srv/base', each));
  });
});

describe('units of a stack', () => {
  it('come from any layer, the lowest first', async () => {
    host.directory('/srv/base', { '/usr/lib/systemd/system/base.service': unit });
    host.directory('/srv/app', sysext('app', { '/usr/lib/systemd/system/base.service': '# hidden\n' }));
    await attach('/srv/app');
    assert.equal(host.read('/etc/systemd/system.attached/base.service'), unit);
    assert.match(dropIn('base.service'), /^Environment=PORTABLE=base$/m);
    assert.match(dropIn(), /^Environment=PORTABLE=app$/m);
  });

  it('are those that the prefixes of all layers allow', async () => {
    const prefixed = (name: string, prefixes: string): Content => ({
      [`/usr/lib/extension-release.d/extension-release.${name}`]: `ID=_any\nPORTABLE_PREFIXES="${prefixes}"\n`,
      [`/usr/lib/systemd/system/${name}.service`]: unit,
    });
    host.directory('/srv/one', prefixed('one', 'one'));
    host.directory('/srv/two', prefixed('two', 'two other'));
    const extensions = ['/srv/one', '/srv/two'];
    const attaching = (...matches: readonly string[]) =>
      host.portables.attach(attachRequest('/srv/base', { extensions, matches }));
    await failsWith(attaching('three'), 'InvalidArgs', /acceptable prefixes are: one, other, two/);
    const changes = await attaching('one', 'two');
    const units = changes.filter(({ type }) => type === 'copy').map(({ path }) => path.replace(/.*\//, ''));
    assert.deepEqual(units, ['one.service', 'two.service']);
  });

  it('are for whom the image says, whatever its extensions say', async () => {
    const release = {
      '/usr/lib/extension-release.d/extension-release.app': 'ID=_any\nPORTABLE_SCOPE=user\n',
    };
    host.directory('/srv/app', sysext('app', release));
    await attach('/srv/app');
  });
});
