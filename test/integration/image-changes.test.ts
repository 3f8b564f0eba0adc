/** Removing, marking and limiting images, on the file systems that have the means (needs root). */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { unknownSize } from '../../src/images/image.ts';
import { failsWith } from '../support/fails-with.ts';
import { attachRequest, portableRoot, portableRoots, unit } from '../support/portable-root.ts';
import type { PortableRoot } from '../support/portable-root.ts';
import { runSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';

const pool = '/var/lib/portables';
const newRoot = portableRoots('image-changes');
let host: PortableRoot;

async function facts(name: string) {
  return host.portables.facts(await host.portables.find(name));
}

describe('images on a plain file system', () => {
  beforeEach(() => {
    host = newRoot();
  });

  it('directories are marked by their immutable attribute, and removed in spite of it', async () => {
    host.directory(`${pool}/app`, { '/usr/lib/systemd/system/app.service': unit });
    assert.equal((await facts('app')).readOnly, false);
    await host.portables.markReadOnly('app', true);
    assert.equal((await facts('app')).readOnly, true);
    assert.throws(() => writeFileSync(host.at(`${pool}/app/x`), ''), /EPERM/);
    await host.portables.markReadOnly('app', false);
    writeFileSync(host.at(`${pool}/app/x`), '');
    await host.portables.markReadOnly('app', true);
    await host.portables.remove('app');
    assert.ok(!existsSync(host.at(`${pool}/app`)));
  });

  it('raw files are marked by their mode', async () => {
    writeFileSync(host.at(`${pool}/app.raw`), 'x'.repeat(5000), { mode: 0o664 });
    await host.portables.markReadOnly('app', true);
    assert.equal(statSync(host.at(`${pool}/app.raw`)).mode & 0o7777, 0o444);
    assert.equal((await facts('app')).readOnly, true);
    await host.portables.markReadOnly('app', false);
    assert.equal(statSync(host.at(`${pool}/app.raw`)).mode & 0o7777, 0o644);
    assert.equal((await facts('app')).readOnly, false);
  });

  it('raw files tell what they use and may use, exactly', async () => {
    const at = host.at(`${pool}/app.raw`);
    writeFileSync(at, 'x');
    truncateSync(at, 2 ** 40 + 1);
    const st = statSync(at, { bigint: true });
    const found = await facts('app');
    assert.equal(found.usage, st.blocks * 512n);
    assert.equal(found.limit, 2n ** 40n + 1n);
    assert.equal(found.usageExclusive, found.usage);
    assert.equal(found.limitExclusive, found.limit);
    assert.equal(found.creationTime, st.birthtimeNs / 1000n);
    assert.equal(found.modificationTime, st.mtimeNs / 1000n);
  });

  it('directories have no modification time and no sizes', async () => {
    host.directory(`${pool}/app`, {});
    const found = await facts('app');
    assert.equal(found.modificationTime, 0n);
    assert.ok(found.creationTime > 0n);
    for (const size of [found.usage, found.limit, found.usageExclusive, found.limitExclusive]) {
      assert.equal(size, unknownSize);
    }
  });

  it('raw files go with what belongs to them, and nothing else', async () => {
    const names = [
      'app.raw',
      'app.verity',
      'app.roothash',
      'app.roothash.p7s',
      'app.nspawn',
      'app2.verity',
      'app.txt',
    ];
    for (const name of names) writeFileSync(host.at(`${pool}/${name}`), '');
    await host.portables.remove('app');
    assert.deepEqual(
      host
        .present()
        .filter((line) => line.startsWith(`${pool}/`))
        .map((line) => path.basename(line.split(' ')[0] ?? '')),
      ['app.txt', 'app2.verity'],
    );
  });

  it('of a link the link goes, and its target stays', async () => {
    host.directory('/srv/real', { '/usr/lib/systemd/system/app.service': unit });
    symlinkSync('/srv/real', host.at(`${pool}/app`));
    await host.portables.remove('app');
    assert.throws(() => lstatSync(host.at(`${pool}/app`)), /ENOENT/);
    assert.ok(existsSync(host.at('/srv/real/usr/lib/os-release')));
  });

  it('what is attached stays: the image, and what it is layered with', async () => {
    host.directory(`${pool}/app`, { '/usr/lib/systemd/system/app.service': unit });
    host.directory(`${pool}/layer`, { '/usr/lib/extension-release.d/extension-release.layer': 'ID=_any\n' });
    await host.portables.attach(attachRequest('app', { extensions: ['layer'] }));
    await failsWith(host.portables.remove('app'), 'Busy', /app\.service/);
    await failsWith(host.portables.remove('layer'), 'Busy', /app\.service/);
    assert.ok(existsSync(host.at(`${pool}/app`)));
  });

  it('what the vendor brought stays as it is', async () => {
    mkdirSync(host.at('/usr/lib/portables'), { recursive: true });
    writeFileSync(host.at('/usr/lib/portables/app.raw'), 'x');
    assert.equal((await facts('app')).readOnly, true);
    await failsWith(host.portables.remove('app'), 'ReadOnlyFileSystem', /app\.raw/);
    await failsWith(host.portables.markReadOnly('app', false), 'ReadOnlyFileSystem', /app\.raw/);
    await failsWith(host.portables.setImageLimit('app', 1n), 'ReadOnlyFileSystem', /app\.raw/);
  });

  it('there is no quota', async () => {
    host.directory(`${pool}/app`, {});
    await failsWith(host.portables.setImageLimit('app', 1n), 'NotSupported', /subvolume/);
    await failsWith(host.portables.setPoolLimit(1n), 'NotSupported', /subvolume/);
    assert.deepEqual(await host.portables.poolQuota(), { usage: unknownSize, limit: unknownSize });
  });
});

describe('images on btrfs', () => {
  // hooks run in the order they are made: first unmounted, then removed
  after(() => {
    // the lock lingers for a moment after a change, and holds a file open
    runSync('umount', ['--lazy', mount]);
  });
  const mount = path.join(scratchDirectory('btrfs'), 'mount');
  before(() => {
    const disk = `${mount}.img`;
    writeFileSync(disk, '');
    truncateSync(disk, 256 * 1024 * 1024);
    runSync('mkfs.btrfs', ['-q', disk]);
    mkdirSync(mount);
    runSync('mount', ['-o', 'loop', disk, mount]);
    runSync('btrfs', ['quota', 'enable', mount]);
    mkdirSync(path.join(mount, 'var/lib'), { recursive: true });
    runSync('btrfs', ['subvolume', 'create', path.join(mount, pool)]);
    host = portableRoot(mount);
    runSync('btrfs', ['subvolume', 'create', host.at(`${pool}/app`)]);
    host.directory(`${pool}/app`, { '/usr/lib/systemd/system/app.service': unit });
    runSync('btrfs', ['quota', 'rescan', '-w', mount]);
  });

  it('subvolumes tell their quota figures and times', async () => {
    const image = await host.portables.find('app');
    assert.equal(image.type, 'subvolume');
    const found = await facts('app');
    assert.ok(found.usage > 0n && found.usage < unknownSize);
    assert.equal(found.limit, unknownSize);
    assert.ok(found.usageExclusive <= found.usage);
    assert.ok(found.creationTime > 0n && found.modificationTime > 0n);
    assert.ok((await host.portables.poolQuota()).usage < unknownSize);
  });

  it('are limited, and freed again', async () => {
    await host.portables.setImageLimit('app', 50_000_000n);
    assert.equal((await facts('app')).limit, 50_000_000n);
    await host.portables.setImageLimit('app', unknownSize);
    assert.equal((await facts('app')).limit, unknownSize);
    await host.portables.setPoolLimit(90_000_000n);
    assert.equal((await host.portables.poolQuota()).limit, 90_000_000n);
    await host.portables.setPoolLimit(unknownSize);
    assert.equal((await host.portables.poolQuota()).limit, unknownSize);
  });

  it('are marked by the flag of the subvolume, and deleted in spite of it', async () => {
    await host.portables.markReadOnly('app', true);
    assert.equal((await facts('app')).readOnly, true);
    assert.throws(() => writeFileSync(host.at(`${pool}/app/x`), ''), /EROFS/);
    await host.portables.markReadOnly('app', false);
    assert.equal((await facts('app')).readOnly, false);
    await host.portables.markReadOnly('app', true);
    await host.portables.remove('app');
    assert.ok(!existsSync(host.at(`${pool}/app`)));
  });
});
