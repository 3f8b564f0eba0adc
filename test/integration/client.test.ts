/** The client with the daemon, on a bus of their own. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';

import { connect } from '../../src/dbus/connection.ts';
import { bundledPrograms, type ClientResult } from '../support/client.ts';
import { poolImage, sandboxRoot, start, waitForName } from '../support/daemon.ts';
import { startBus } from '../support/private-bus.ts';
import { scratchDirectory } from '../support/scratch.ts';

const root = sandboxRoot();
for (const name of ['alpha', 'beta']) poolImage(root, name, 2);
// the name of an image that is also how a unit of another one begins
poolImage(root, 'alpha-1', 1);
poolProfile('default');
const programs = await bundledPrograms();
const { address } = await startBus();
start([...programs.daemon, '--bus', address, '--root', root]);
const connection = await connect({ address });
await waitForName(connection);
await connection.close();

const run = (...args: string[]): Promise<ClientResult> =>
  programs.client(args, { DBUS_SYSTEM_BUS_ADDRESS: address });

const attached = (): readonly string[] => {
  const directory = join(root, 'etc/systemd/system.attached');
  return existsSync(directory) ? readdirSync(directory).filter((name) => !name.endsWith('.d')) : [];
};

/** Runs the client, which must succeed. */
async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function fails(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  assert.deepEqual([code, stdout], [1, ''], stderr);
  return stderr;
}

describe('portablectl', () => {
  it('lists, as a table and as JSON', async () => {
    const table = await ok();
    assert.match(table, /^NAME +TYPE +RO CRTIME +MTIME +USAGE STATE\nalpha +directory no /);
    assert.match(table, /UTC -? +detached\n\n3 images listed\.\n$/);
    assert.equal((await ok('list', '--no-legend')).split('\n').length, 4);
    const images = JSON.parse(await ok('list', '--json=short')) as Record<string, unknown>[];
    assert.deepEqual(
      images.map(({ name, type, ro, state }) => [name, type, ro, state]),
      ['alpha', 'alpha-1', 'beta'].map((name) => [name, 'directory', false, 'detached']),
    );
  });

  it('inspects', async () => {
    assert.match(
      await ok('inspect', 'alpha'),
      /^Image:\n\t.*\/alpha\n(.*\n)*Unit files:\n\talpha-0\.service\n\talpha-1\.service\n$/,
    );
    assert.match(
      await ok('inspect', 'alpha', 'alpha-1', '--cat'),
      /^-- OS Release: --\nID=alpha\n\n-- Unit file: alpha-1\.service --\n\[Service\]/,
    );
    const json = JSON.parse(await ok('inspect', 'alpha', '--cat', '--json=pretty')) as {
      osRelease: unknown;
      units: { name: string; content: string }[];
    };
    assert.deepEqual(json.osRelease, { ID: 'alpha' });
    assert.match(json.units[0]?.content ?? '', /^\[Service\]/);
  });

  it('attaches, and tells the state', async () => {
    const { code, stdout, stderr } = await run('attach', '--no-reload', 'alpha');
    assert.deepEqual([code, stdout], [0, ''], stderr);
    assert.match(stderr, /^\(Matching unit files with prefix 'alpha'\.\)\nCreated directory /);
    assert.match(stderr, /^Copied .* → \/etc\/systemd\/system\.attached\/alpha-0\.service\.$/m);
    assert.equal(await ok('is-attached', 'alpha'), 'attached\n');
    assert.equal(await ok('is-attached', 'alpha', '--json=short'), '{"image":"alpha","state":"attached"}\n');
    assert.equal(await ok('is-attached', '-q', 'alpha'), '');
    assert.equal(await ok('is-attached', 'beta'), 'detached\n');
  });

  it('reattaches and detaches, in JSON', async () => {
    const again = JSON.parse(await ok('reattach', '--no-reload', '--json=short', 'alpha')) as {
      images: { image: string; changes: { type: string }[] }[];
      reloaded: boolean;
    };
    assert.deepEqual([again.images.map(({ image }) => image), again.reloaded], [['alpha'], false]);
    assert.ok(again.images[0]?.changes.some(({ type }) => type === 'copy'));
    await ok('detach', '--no-reload', '-q', 'alpha');
    assert.deepEqual(attached(), []);
  });

  it('takes several images at once', async () => {
    await ok('attach', '--no-reload', 'alpha', 'beta', 'beta-1');
    assert.deepEqual(attached(), ['alpha-0.service', 'alpha-1.service', 'beta-1.service']);
    await ok('detach', '--no-reload', 'alpha', 'beta');
    assert.deepEqual(attached(), []);
  });

  it('takes words that begin units of an image for prefixes, as systemd does', async () => {
    await ok('attach', '--no-reload', '-q', 'alpha', 'alpha-1', 'beta');
    assert.deepEqual(attached(), ['alpha-1.service', 'beta-0.service', 'beta-1.service']);
    await ok('detach', '--no-reload', '-q', 'alpha', 'beta');
    assert.deepEqual(attached(), []);
  });

  it('attaches all of several images, or none', async () => {
    await ok('attach', '--no-reload', '-q', 'beta');
    const stderr = await fails('attach', '--no-reload', 'alpha', 'beta');
    assert.match(stderr, /^Cannot attach 'alpha', 'beta': .*beta-0\.service/m);
    assert.deepEqual(attached(), ['beta-0.service', 'beta-1.service']);
    assert.match(
      await fails('detach', '--no-reload', 'beta', 'alpha'),
      /^Cannot detach 'beta', 'alpha': no units of 'alpha' are attached/,
    );
    assert.deepEqual(attached(), ['beta-0.service', 'beta-1.service']);
    await ok('detach', '--no-reload', '-q', 'beta');
  });

  it('says what is wrong, and what may have been meant', async () => {
    assert.match(await fails('inspect', 'alpa'), /^Hint: did you mean 'alpha'\?$/m);
    assert.match(await fails('--atach', 'alpha'), /no option --atach, did you mean 'attach'/);
    assert.match(
      await fails('attach', 'beta', 'nothing'),
      /match 'nothing'\nHint: its units are 'beta-0\.service', 'beta-1\.service'; name/,
    );
    assert.match(await fails('atach', 'alpha'), /no command 'atach', did you mean 'attach'/);
    assert.match(
      await fails('attach'),
      /^Too few arguments\.\nHint: portablectl attach NAME\|PATH \[PREFIX…\]$/m,
    );
    assert.match(await fails('list', 'x'), /^Too many arguments\.$/m);
    assert.match(await fails('detach', 'alpha'), /^Cannot detach 'alpha': /m);
    assert.match(await fails('set-limit', '4X'), /'4X' is not a size/);
    assert.match(await fails('set-limit', 'alpha', '4G'), /^Cannot limit the size of 'alpha': /m);
    assert.match(await fails('read-only', 'alpha', 'perhaps'), /neither yes nor no/);
  });

  it('goes over ssh', async () => {
    const ssh = join(scratchDirectory('ssh'), 'ssh');
    writeFileSync(
      ssh,
      `#!/bin/sh\n[ "$*" = "-xT -- me@there systemd-stdio-bridge" ] || exit 9\nexec systemd-stdio-bridge --bus-path='${address}'\n`,
    );
    chmodSync(ssh, 0o755);
    const there = await programs.client(['--host=me@there', 'list', '--no-legend'], { SYSTEMD_SSH: ssh });
    assert.match(there.stdout, /^alpha /, there.stderr);
    const elsewhere = await programs.client(['--host=elsewhere', 'list'], { SYSTEMD_SSH: ssh });
    assert.equal(elsewhere.code, 1);
    assert.match(
      elsewhere.stderr,
      /^Cannot connect to the system bus of 'elsewhere': .*\nHint: can you log in there with ssh/,
    );
  });

  it('says when there is no bus', async () => {
    const { code, stderr } = await programs.client(['list'], {
      DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere',
    });
    assert.equal(code, 1);
    assert.match(stderr, /^Cannot connect to the system bus: .*\/nowhere/);
  });
});

function poolProfile(name: string): void {
  const file = join(root, 'etc/systemd/portable/profile', name, 'service.conf');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '[Service]\n');
}
