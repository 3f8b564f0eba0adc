/** What tests install on the machine they run on starts no service there. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { execa } from 'execa';
import { bootHost, type Host } from './host.ts';
import { hostSettings } from './settings.ts';

const policy = '/usr/sbin/policy-rc.d';
const script = ['sh', '/opt/support/install-quietly.sh', '/srv/probe.deb'];

describe('packages installed for tests', () => {
  let host: Host;
  const state = async (): Promise<string> =>
    (await host.run(['systemctl', 'is-active', 'probe.service'])).stdout.trim();

  before(async () => {
    const support = path.join(import.meta.dirname, '../support');
    const binds = [{ from: support, to: '/opt/support' }];
    host = await bootHost({ ...hostSettings(process.env), suite: 'trixie', binds });
    await host.run(['rm', '-f', policy]);
    await makePackage(host.path('/srv/probe.deb'));
  });
  afterEach(async () => {
    await host.run(['dpkg', '--purge', 'probe']);
    await host.run(['rm', '-f', policy]);
  });
  after(() => host.stop());

  it('start no service, which installing them by hand would', async () => {
    await host.check(['dpkg', '-i', '/srv/probe.deb']);
    assert.equal(await state(), 'active');
    await host.check(['dpkg', '--purge', 'probe']);
    await host.check(script);
    assert.equal(await state(), 'inactive');
    assert.equal((await host.run(['test', '-e', policy])).exitCode, 1);
  });

  it('do what the policy of an administrator says', async () => {
    await host.write(policy, '#!/bin/sh\nexit 0\n', 0o755);
    await host.check(script);
    assert.equal(await state(), 'active');
    assert.equal(await host.read(policy), '#!/bin/sh\nexit 0\n');
  });

  it('leave no policy behind when they cannot be installed', async () => {
    const { exitCode } = await host.run(['sh', '/opt/support/install-quietly.sh', '/srv/nothing.deb']);
    assert.notEqual(exitCode, 0);
    assert.equal((await host.run(['test', '-e', policy])).exitCode, 1);
  });
});

/** A package with a service that its scripts start and stop as those of Debian do: dh_installsystemd(1). */
async function makePackage(file: string): Promise<void> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'probe-'));
  const files = {
    'DEBIAN/control': 'Package: probe\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: x\n',
    'DEBIAN/postinst':
      '#!/bin/sh\nsystemctl daemon-reload\nsystemctl enable probe.service\ndeb-systemd-invoke start probe.service\n',
    'DEBIAN/prerm': '#!/bin/sh\nsystemctl disable probe.service\ndeb-systemd-invoke stop probe.service\n',
    'usr/lib/systemd/system/probe.service':
      '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n',
  };
  try {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(scratch, name)), { recursive: true });
      await writeFile(path.join(scratch, name), content, { mode: name.endsWith('service') ? 0o644 : 0o755 });
    }
    await execa('dpkg-deb', ['--build', '--root-owner-group', scratch, file]);
  } finally {
    await rm(scratch, { recursive: true });
  }
}
