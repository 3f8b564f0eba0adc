/** --host with a real sshd(8) on this machine, and a key to log in with; all of it in a scratch directory. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect } from '../../src/dbus/connection.ts';
import { bundledPrograms, type ClientResult } from '../support/client.ts';
import { poolImage, sandboxRoot, start, waitForName } from '../support/daemon.ts';
import { hostSettings } from '../host/settings.ts';
import { startBus } from '../support/private-bus.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { spawnSshd } from '../support/sshd.ts';

const programs = await bundledPrograms();
const bus = await startBus();
const root = sandboxRoot();
poolImage(root, 'alpha', 1);
poolImage(root, 'beta', 1);
mkdirSync(join(root, 'etc/systemd/portable/profile/default'), { recursive: true });
start([...programs.daemon, '--bus', bus.address, '--root', root]);
const connection = await connect({ address: bus.address });
await waitForName(connection);
await connection.close();

const scratch = scratchDirectory('ssh');
chmodSync(scratch, 0o755);
const ssh = join(scratch, 'my ssh');
const { username } = userInfo();
const port = await startServer();

const run = (...args: readonly string[]): Promise<ClientResult> =>
  programs.client(args, { SYSTEMD_SSH: ssh });
const here = `--host=${username}@127.0.0.1:${port}`;

describe('portablectl --host', () => {
  it('lists and changes images over ssh', async () => {
    const list = await run(here, 'list', '--no-legend');
    assert.equal(list.code, 0, list.stderr);
    assert.match(list.stdout, /^alpha +directory .* detached\nbeta /m);
    const attached = await run(here, 'attach', '--no-reload', 'alpha', 'beta');
    assert.equal(attached.code, 0, attached.stderr);
    assert.match(attached.stderr, /^Copied .*beta-0\.service/m);
    assert.equal((await run('-H', `127.0.0.1:${port}`, 'is-attached', 'alpha')).stdout, 'attached\n');
    const detached = await run(here, 'detach', '--no-reload', '-q', 'alpha', 'beta');
    assert.deepEqual(detached, { code: 0, stdout: '', stderr: '' });
    assert.equal(readFileSync(join(scratch, 'asked'), 'utf8'), 'systemd-stdio-bridge\n'.repeat(4));
  });

  it('says what ssh says when nobody lets us in', async () => {
    const { code, stdout, stderr } = await run('--host=nobody@127.0.0.1:' + String(port), 'list');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /Permission denied/);
    assert.match(
      stderr,
      /^Cannot connect to the system bus of 'nobody@127\.0\.0\.1:\d+': .*my ssh ended with status 255.*\nHint: can you log in there with ssh/m,
    );
  });

  it('knows no path of the other machine', async () => {
    const { code, stderr } = await run(here, 'attach', './alpha');
    assert.equal(code, 1);
    assert.match(stderr, /^Images of other machines are named, not given by path\.\nHint: /);
  });
});

/** Starts a server that lets the key in, and runs the bridge, on our bus, for it. @returns its port */
async function startServer(): Promise<number> {
  for (const key of ['host', 'user'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(scratch, key)]);
  const bridge = `echo "$SSH_ORIGINAL_COMMAND" >>'${scratch}/asked'; exec systemd-stdio-bridge --bus-path='${bus.address}'`;
  writeFileSync(join(scratch, 'bridge'), `#!/bin/sh\n${bridge}\n`, { mode: 0o755 });
  writeFileSync(
    join(scratch, 'authorized'),
    `restrict,command="${scratch}/bridge" ${readFileSync(join(scratch, 'user.pub'), 'utf8')}`,
  );
  const free = await freePort();
  const server = `ListenAddress 127.0.0.1
Port ${free}
HostKey ${scratch}/host
AuthorizedKeysFile ${scratch}/authorized
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowUsers ${username}
`;
  const client = `IdentityFile ${scratch}/user
IdentitiesOnly yes
IdentityAgent none
BatchMode yes
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
`;
  writeFileSync(join(scratch, 'sshd_config'), server);
  writeFileSync(join(scratch, 'ssh_config'), client);
  writeFileSync(ssh, `#!/bin/sh\nexec ssh -F '${scratch}/ssh_config' "$@"\n`, { mode: 0o755 });
  const child = await spawnSshd(scratch, hostSettings(process.env).cacheRoot, join(scratch, 'sshd_config'));
  after(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr?.on('data', (data: Buffer) => (said += data.toString()));
  for (let i = 0; !said.includes('listening'); i++) {
    if (i > 200) throw new Error(`sshd does not start: ${said}`);
    await sleep(50);
  }
  return free;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port: found } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return found;
}
