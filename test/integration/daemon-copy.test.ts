/** Large images are copied while others are served, and only as long as somebody waits for it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/dbus/connection.ts';
import { messageFlag } from '../../src/dbus/message.ts';
import {
  bundledDaemon,
  manager,
  sandboxRoot,
  start,
  waitForName,
  type RunningDaemon,
} from '../support/daemon.ts';
import { RawBusClient } from '../support/raw-bus-client.ts';
import { startBus } from '../support/private-bus.ts';
import { runSync } from '../support/run.ts';

const program = await bundledDaemon();
const bus = await startBus();
const client = await connect({ address: bus.address });
const megabytes = 512;

describe('copying a large image', () => {
  const root = sandboxRoot();
  const links = join(root, 'etc/portables');

  before(() => {
    const image = join(root, 'srv/big');
    for (const [file, content] of Object.entries({
      'usr/lib/os-release': 'ID=big\n',
      'usr/lib/systemd/system/big.service': '[Service]\nExecStart=/bin/true\n',
    })) {
      mkdirSync(join(image, file, '..'), { recursive: true });
      writeFileSync(join(image, file), content);
    }
    for (const name of ['one', 'two']) {
      runSync('dd', [
        'if=/dev/urandom',
        `of=${image}/${name}`,
        'bs=1M',
        `count=${megabytes / 2}`,
        'status=none',
      ]);
    }
  });
  const run = async (): Promise<RunningDaemon> => {
    await waitForName(client, false);
    const daemon = start([...program, '--bus', bus.address, '--root', root]);
    await waitForName(client);
    return daemon;
  };

  const attach = (by: typeof client): Promise<unknown> =>
    by.call({ ...manager, member: 'AttachImage' }, 'sassbs', ['/srv/big', [], '', false, 'mixed'], {
      timeoutMs: 120_000,
    });
  const copies = (): readonly string[] => {
    const among = [join(root, 'etc'), links]
      .filter(existsSync)
      .flatMap((directory) => readdirSync(directory));
    return among.filter((name) => name.startsWith('.#portabled-') || name === 'big');
  };
  const until = async (condition: () => boolean, limitMs: number): Promise<number> => {
    const began = performance.now();
    while (!condition()) {
      assert.ok(performance.now() - began < limitMs, `not within ${limitMs} ms`);
      await sleep(2);
    }
    return performance.now() - began;
  };
  const journals = (): number => {
    const directory = join(root, 'var/lib/portabled/transactions');
    return existsSync(directory) ? readdirSync(directory).length : 0;
  };

  it('is given up soon after its caller has left, and nothing of it stays', async () => {
    const daemon = await run();
    const leaver = await connect({ address: bus.address });
    const answer = attach(leaver);
    answer.catch(() => undefined);
    await until(() => copies().length > 0, 10_000);
    await leaver.close();
    await until(() => copies().length === 0 && journals() === 0, 20_000);
    assert.equal(existsSync(join(root, 'etc/systemd/system.attached/big.service')), false);
    assert.match(daemon.stderr(), /left the bus: its call is given up/);
  });

  it('goes on when nobody wanted an answer', async () => {
    await run();
    const leaver = await RawBusClient.connect(bus.address);
    const call = {
      ...manager,
      member: 'AttachImage',
      signature: 'sassbs',
      flags: messageFlag.noReplyExpected,
    };
    leaver.sendMessage(call, ['/srv/big', [], '', false, 'mixed']);
    await until(() => copies().length > 0, 10_000);
    leaver.close();
    await until(() => existsSync(join(root, 'etc/systemd/system.attached/big.service')), 60_000);
    await until(() => journals() === 0, 10_000);
    await client.call({ ...manager, member: 'DetachImage' }, 'sb', ['big', false]);
    assert.deepEqual(copies(), []);
  });

  it('keeps nobody else waiting', async () => {
    await run();
    const delays: number[] = [];
    const copying = { over: false };
    const answer = attach(client).finally(() => (copying.over = true));
    while (!copying.over) {
      const began = performance.now();
      await client.call({ ...manager, member: 'ListImages' }, '', []);
      delays.push(performance.now() - began);
      await sleep(5);
    }
    await answer;
    delays.sort((a, b) => a - b);
    const [median = Infinity, worst = Infinity] = [delays[delays.length >> 1], delays.at(-1)];
    assert.ok(
      delays.length >= 5 && median < 50 && worst < 1000,
      `${delays.length} calls, ${median} ms, at worst ${worst} ms`,
    );
    await client.call({ ...manager, member: 'DetachImage' }, 'sb', ['big', false]);
    assert.deepEqual(copies(), []);
  });
});
