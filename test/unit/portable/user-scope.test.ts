import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { userPaths, withUnitPath, type HostPaths } from '../../../src/base/host-paths.ts';
import { silentLog } from '../../../src/base/log.ts';
import { defaultLimits } from '../../../src/disk/budget.ts';
import { createPortables, type Portables } from '../../../src/portable/portables.ts';
import { FileLock } from '../../../src/transaction/lock.ts';
import { attachRequest, detachRequest, portableRoots, unit } from '../../support/portable-root.ts';
import type { PortableRoot } from '../../support/portable-root.ts';

const paths = userPaths({
  home: '/home/u',
  config: '/home/u/.config',
  state: '/home/u/.local/state',
  data: '/home/u/.local/share',
  runtime: '/run/user/7',
});
/** Of a manager that knows attached units, and of one before systemd 260. */
const newUnitPath = paths.unitPath;
const oldUnitPath = paths.unitPath.filter((directory) => !directory.endsWith('/user.attached'));

const newRoot = portableRoots('user-scope');
let host: PortableRoot;
beforeEach(() => {
  host = newRoot();
  mkdirSync(host.at('/home/u'), { recursive: true });
  host.directory('/home/u/app_1', {
    '/usr/lib/os-release': 'ID=app\nVERSION_ID=1\nPORTABLE_SCOPE=user\n',
    '/usr/lib/systemd/user/app.service': unit,
  });
});

/** The daemon of a user on a host with that version of systemd. */
function portablesOn(version: number | undefined): Portables {
  host.manager.systemd = version;
  const unitPath = version === undefined || version >= 260 ? newUnitPath : oldUnitPath;
  const settled: HostPaths = withUnitPath(paths, unitPath);
  const lock = new FileLock(path.join(host.root, paths.lock));
  const { root, manager } = host;
  return createPortables({ root, manager, paths: settled, limits: defaultLimits, log: silentLog, lock });
}

const request = attachRequest('/home/u/app_1', { profile: '' });
const where = (directory: string): string => `/home/u/.config/systemd/${directory}/app.service`;
const units = (): readonly string[] =>
  host
    .present()
    .flatMap((line) => /^(\S*\/app\.service) /.exec(line)?.[1] ?? [])
    .filter((each) => !each.includes('/usr/'));

describe('attachments of a user', () => {
  it('are where that user’s service manager looks for them', async () => {
    const places = { 252: 'user', 257: 'user', 262: 'user.attached' };
    for (const [version, directory] of Object.entries(places)) {
      const portables = portablesOn(Number(version));
      await portables.attach(request);
      assert.deepEqual(units(), [where(directory)], version);
      await portables.detach(detachRequest('/home/u/app_1'));
      assert.deepEqual(units(), []);
    }
  });

  it('stay known, and can be detached or reattached, when systemd has become newer', async () => {
    for (const end of ['detach', 'reattach'] as const) {
      await portablesOn(257).attach(request);
      const portables = portablesOn(262);
      assert.equal(await portables.state({ image: 'app_1', extensions: [] }), 'attached');
      if (end === 'reattach') {
        const { removed } = await portables.reattach(request);
        assert.deepEqual(units(), [where('user.attached')]);
        assert.ok(removed.some((change) => change.path === where('user')));
      }
      await portables.detach(detachRequest('/home/u/app_1'));
      assert.deepEqual(units(), []);
    }
  });

  it('are not confused with the user’s own units', async () => {
    const portables = portablesOn(257);
    host.directory('/home/u/.config/systemd/user', { '/own.service': unit });
    await portables.attach(request);
    await portables.detach(detachRequest('/home/u/app_1'));
    assert.equal(host.read('/home/u/.config/systemd/user/own.service'), unit);
    await portables.attach(request);
    const again = portables.attach(request);
    await assert.rejects(again, { code: 'UnitExists' });
  });

  it('ask for a user namespace where the service manager does not make one by itself', async () => {
    for (const [version, expected] of [
      [252, true],
      [257, false],
      [262, false],
    ] as const) {
      const portables = portablesOn(version);
      await portables.attach(request);
      const dropIn = host.read(`${where(version < 260 ? 'user' : 'user.attached')}.d/20-portable.conf`);
      assert.equal(dropIn.includes('\nPrivateUsers=yes\n'), expected, String(version));
      await portables.detach(detachRequest('/home/u/app_1'));
    }
  });

  it('are no disk images, unless something mounts them', async () => {
    const raw = host.raw('/home/u/disk.raw', {
      '/usr/lib/os-release': 'ID=app\nPORTABLE_SCOPE=user\n',
      '/usr/lib/systemd/user/disk.service': unit,
    });
    const disk = attachRequest(raw, { profile: '' });
    const old = portablesOn(252).attach(disk);
    await assert.rejects(old, {
      code: 'NotSupported',
      message: /disk\.raw.*\(systemd 252\)/,
      hint: /unpack it/,
    });
    const without = portablesOn(257).attach(disk);
    await assert.rejects(without, { code: 'NotSupported', hint: /systemd-mountfsd\.socket/ });
    const before = host.present();
    mkdirSync(host.at('/run/systemd'), { recursive: true });
    mkdirSync(host.at('/run/systemd/io.systemd.MountFileSystem'));
    const portables = portablesOn(257);
    await portables.attach(disk);
    await portables.detach(detachRequest(raw));
    assert.ok(before.every((line) => host.present().includes(line)));
    // where no manager answers, nothing is known
    await portablesOn(undefined).attach(disk);
  });
});
