/** Which bus is talked to. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { busAddress } from '../../../src/client/bus/address.ts';
import type { Place } from '../../../src/client/command-line/settings.ts';
import { parseAddresses, programAddress, programOf } from '../../../src/dbus/address.ts';

const local: Place = { kind: 'local' };
const program = (place: Place, user = false, env = {}): readonly string[] | undefined => {
  const [address] = parseAddresses(busAddress({ place, user }, env));
  return address === undefined ? undefined : programOf(address);
};

describe('the bus', () => {
  it("is the system's, or the user's own", () => {
    assert.equal(busAddress({ place: local, user: false }, {}), 'unix:path=/run/dbus/system_bus_socket');
    assert.equal(
      busAddress({ place: local, user: false }, { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/x' }),
      'unix:path=/x',
    );
    assert.equal(
      busAddress({ place: local, user: true }, { XDG_RUNTIME_DIR: '/run/a b' }),
      'unix:path=/run/a%20b/bus',
    );
    assert.throws(() => busAddress({ place: local, user: true }, {}), /XDG_RUNTIME_DIR/);
  });

  it('is behind ssh on other hosts', () => {
    const ssh = (host: string, env = {}): readonly string[] | undefined =>
      program({ kind: 'remote', host }, false, env);
    assert.deepEqual(ssh('there'), ['ssh', '-xT', '--', 'there', 'systemd-stdio-bridge']);
    assert.deepEqual(ssh('me@there:22/box'), [
      ...['ssh', '-xT', '-p', '22', '--', 'me@there'],
      ...['systemd-stdio-bridge', '--machine=box'],
    ]);
    assert.deepEqual(ssh('[fe80::1]:22')?.slice(2, 6), ['-p', '22', '--', 'fe80::1']);
    assert.deepEqual(ssh('fe80::1')?.slice(2, 4), ['--', 'fe80::1']);
    assert.equal(ssh('there', { SYSTEMD_SSH: '/bin/my ssh' })?.[0], '/bin/my ssh');
  });

  it('refuses what is no host, and options in its place', () => {
    for (const host of ['', '@', '-oProxyCommand=x', 'a b', 'a/b/c'])
      assert.throws(() => program({ kind: 'remote', host }), /--host= needs/, host);
    assert.throws(() => program({ kind: 'remote', host: 'there' }, true), /cannot be reached/);
  });

  it('is behind the bridge in containers', () => {
    const box: Place = { kind: 'machine', machine: 'me@box' };
    assert.deepEqual(program(box), ['systemd-stdio-bridge', '--machine=me@box']);
    assert.deepEqual(program(box, true), ['systemd-stdio-bridge', '--machine=me@box', '--user']);
  });

  it('is a program whose arguments may be anything', () => {
    const words = ['/bin/x', 'a b', 'c=d,e;f', '%', 'ü', ''] as const;
    const [address] = parseAddresses(programAddress(words[0], words.slice(1)));
    assert.deepEqual(address && programOf(address), [...words]);
    assert.throws(() => parseAddresses('unixexec:argv1=x').map(programOf), /has no path=/);
  });
});
