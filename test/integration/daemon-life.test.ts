import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect } from '../../src/dbus/connection.ts';
import {
  bundledDaemon,
  busName,
  manager,
  poolImage,
  sandboxRoot,
  start,
  waitForName,
  type RunningDaemon,
} from '../support/daemon.ts';
import { runAs, startBus } from '../support/private-bus.ts';
import { scratchDirectory } from '../support/scratch.ts';

const peer = { ...manager, interface: 'org.freedesktop.DBus.Peer' } as const;

const program = await bundledDaemon();
const bus = await startBus();
const client = await connect({ address: bus.address });

describe('the daemon', () => {
  const run = async (root: string): Promise<RunningDaemon> => {
    const daemon = start([...program, '--bus', bus.address, '--root', root]);
    await Promise.race([
      waitForName(client),
      daemon.ended.then(() => Promise.reject(new Error(daemon.stderr()))),
    ]);
    return daemon;
  };
  const ping = (): Promise<unknown> => client.call({ ...peer, member: 'Ping' }, '', []);
  const attach = (image: string): Promise<unknown> =>
    client.call({ ...manager, member: 'AttachImage' }, 'sassbs', [image, [], '', false, 'copy']);
  const attached = (root: string): number => {
    const directory = join(root, 'etc/systemd/system.attached');
    return readdirSync(directory).filter((name) => name.endsWith('.service')).length;
  };

  it('serves until SIGTERM, says nothing, and leaves the bus', async () => {
    const daemon = await run(sandboxRoot());
    await ping();
    daemon.kill('SIGTERM');
    assert.equal(await daemon.ended, 0);
    assert.equal(daemon.stderr(), '');
    await waitForName(client, false);
  });

  it('exits by itself when idle, and not before', async () => {
    const daemon = await run(sandboxRoot('[Portabled]\nIdleTimeoutSec=500ms\n'));
    let over = false;
    void daemon.ended.then(() => (over = true));
    for (let i = 0; i < 12; i++) {
      await ping();
      await sleep(100);
    }
    assert.equal(over, false);
    const last = performance.now();
    assert.equal(await daemon.ended, 0);
    const took = performance.now() - last;
    assert.ok(took > 350, `${took} ms`);
    assert.equal(daemon.stderr(), '');
  });

  it('is for its user and root on a bus of its own, others may only look', async () => {
    const root = sandboxRoot();
    poolImage(root, 'mine', 1);
    const daemon = await run(root);
    const asNobody = (...words: string[]): Promise<string> =>
      runAs(
        65534,
        ['busctl', `--address=${bus.address}`, 'call', busName, manager.path, manager.interface, ...words],
        {},
      );
    assert.match(await asNobody('ListImages'), /^a\(ssbtttso\) 1 "mine"/);
    await assert.rejects(
      asNobody('AttachImage', 'sassbs', 'mine', '0', '', 'false', ''),
      /Access denied|only/,
    );
    await attach('mine');
    assert.equal(attached(root), 1);
    daemon.kill('SIGTERM');
    assert.equal(await daemon.ended, 0);
  });

  it('finishes what it is at when told to stop, however often, and answers', async () => {
    for (const delay of [0, 5, 20, 60]) {
      const root = sandboxRoot();
      poolImage(root, 'big', 150);
      const daemon = await run(root);
      const reply = attach('big');
      await sleep(delay);
      for (const signal of ['SIGHUP', 'SIGTERM', 'SIGTERM', 'SIGINT'] as const) daemon.kill(signal);
      // told before the call was read, it may refuse; what it accepted it does completely
      const outcome = await reply.then(
        () => 'done',
        (error: unknown) => String(error),
      );
      assert.equal(await daemon.ended, 0);
      if (outcome === 'done') assert.equal(attached(root), 150);
      else assert.match(outcome, /stopping/);
    }
  });

  it('ignores SIGHUP', async () => {
    const daemon = await run(sandboxRoot());
    daemon.kill('SIGHUP');
    await ping();
    daemon.kill('SIGINT');
    assert.equal(await daemon.ended, 0);
  });

  it('does not take a name away from somebody else', async () => {
    const first = await run(sandboxRoot());
    const second = start([...program, '--bus', bus.address, '--root', sandboxRoot()]);
    assert.equal(await second.ended, 1);
    assert.match(
      second.stderr(),
      /^portabled: error: another process serves org\.freedesktop\.portable1 already\n$/,
    );
    await ping();
    first.kill('SIGTERM');
    assert.equal(await first.ended, 0);
  });

  it('finishes what it is at when the bus goes away, and fails', async () => {
    const doomed = await startBus();
    const root = sandboxRoot();
    poolImage(root, 'big', 150);
    const daemon = start([...program, '--bus', doomed.address, '--root', root]);
    const caller = await connect({ address: doomed.address });
    await waitForName(caller);
    const call = caller.call({ ...manager, member: 'AttachImage' }, 'sassbs', ['big', [], '', false, 'copy']);
    call.catch(() => undefined);
    // answered after the call was read
    await caller.call({ ...peer, member: 'Ping' }, '', []);
    await doomed.kill();
    assert.equal(await daemon.ended, 1);
    assert.match(daemon.stderr(), /^portabled: error: lost the bus \(.+\), finishing what is under way\n/);
    assert.equal(attached(root), 150);
  });

  it('says which bus it cannot reach', async () => {
    const daemon = start([...program, '--bus', 'unix:path=/nowhere/bus', '--root', '/nowhere']);
    assert.equal(await daemon.ended, 1);
    assert.match(daemon.stderr(), /cannot serve on the bus unix:path=\/nowhere\/bus: .*no such file/);
  });

  it('warns of what its configuration gets wrong, and goes on', async () => {
    const root = sandboxRoot('[Portabled]\nLogLevle=debug\n');
    const daemon = await run(root);
    daemon.kill('SIGTERM');
    assert.equal(await daemon.ended, 0);
    assert.match(
      daemon.stderr(),
      /^portabled: warning: .*portabled\.conf: unknown key 'LogLevle'.*LogLevel=\?\)\n$/,
    );
  });

  it('logs more or less while it runs, as LogControl1 says', async () => {
    const daemon = await run(sandboxRoot());
    const control = {
      destination: busName,
      path: '/org/freedesktop/LogControl1',
      interface: 'org.freedesktop.DBus.Properties',
    };
    const set = (property: string, value: string): Promise<unknown> =>
      client.call({ ...control, member: 'Set' }, 'ssv', [
        'org.freedesktop.LogControl1',
        property,
        { signature: 's', value },
      ]);
    await set('LogLevel', 'debug');
    await set('LogTarget', 'console-prefixed');
    await assert.rejects(client.call({ ...manager, member: 'GetImage' }, 's', ['none']), /none/);
    daemon.kill('SIGTERM');
    assert.equal(await daemon.ended, 0);
    assert.match(daemon.stderr(), /^<7>GetImage\(\) of :/m);
    assert.match(daemon.stderr(), /^<7>told to stop, /m);
  });

  it('prints help and version, and knows misuse', async () => {
    const help = start([...program, '--help']);
    const version = start([...program, '--version']);
    const misuse = start([...program, '--colour']);
    assert.deepEqual(await Promise.all([help.ended, version.ended, misuse.ended]), [0, 0, 2]);
    assert.match(help.stdout(), /^Usage: portabled/);
    assert.match(version.stdout(), /^portabled \d+\.\d+\.\d+\n$/);
    assert.match(misuse.stderr(), /^portabled: Unknown option '--colour'/);
    assert.equal(misuse.stdout() + help.stderr() + version.stderr(), '');
  });
});

describe('an activated daemon that leaves when idle', () => {
  it('loses no call, whenever it comes', async () => {
    const services = scratchDirectory('services');
    const activating = await startBus(
      `<servicedir>${services}</servicedir><policy context="default"><allow own="*"/><allow send_destination="*"/>
       <allow receive_sender="*"/></policy>`,
    );
    const caller = await connect({ address: activating.address });
    const root = sandboxRoot('[Portabled]\nIdleTimeoutSec=100ms\n');
    const exec = [...program, '--bus', activating.address, '--root', root].join(' ');
    writeFileSync(join(services, 'portable.service'), `[D-BUS Service]\nName=${busName}\nExec=${exec}\n`);
    const driver = {
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
    };
    await caller.call({ ...driver, member: 'ReloadConfig' }, '', []);
    const owners = new Set<string>();
    await caller.onSignal(
      { sender: driver.destination, interface: driver.interface, member: 'NameOwnerChanged', arg0: busName },
      (signal) => {
        const [, , owner] = signal.values('sss');
        if (owner !== '') owners.add(owner);
      },
    );
    let answered = 0;
    const call = async (): Promise<void> => {
      await caller.call({ ...peer, member: 'Ping' }, '', []);
      answered++;
    };
    // around the moment of each exit, in steps of less than a millisecond; some in crowds
    for (let round = 0; round < 80; round++) {
      await call();
      const wait = 97 + (round % 16) * 0.5;
      const until = performance.now() + wait;
      await sleep(wait - 3);
      while (performance.now() < until);
      await Promise.all(Array.from({ length: round % 4 === 0 ? 50 : 1 }, call));
    }
    assert.equal(answered, 80 + 20 * 50 + 60);
    assert.ok(owners.size >= 10, `only ${owners.size} daemons were needed`);
  });
});
