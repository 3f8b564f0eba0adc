import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Log } from '../../../src/base/log.ts';
import { silentLog } from '../../../src/base/log.ts';
import { startWatchdog, watchdogInterval } from '../../../src/daemon/watchdog.ts';

describe('the watchdog', () => {
  const env = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '180000000', WATCHDOG_PID: '42' };

  it('sends at half the time that the service manager allows', () => {
    assert.equal(watchdogInterval(env, 42), 90_000);
    assert.equal(watchdogInterval({ ...env, WATCHDOG_PID: undefined }, 42), 90_000);
  });

  it('sends nothing when nobody waits for us', () => {
    const others = [
      { ...env, NOTIFY_SOCKET: undefined },
      { ...env, WATCHDOG_USEC: undefined },
      { ...env, WATCHDOG_USEC: '0' },
      { ...env, WATCHDOG_USEC: 'soon' },
      { ...env, WATCHDOG_PID: '41' },
      {},
    ];
    assert.deepEqual(
      others.map((other) => watchdogInterval(other, 42)),
      others.map(() => undefined),
    );
  });

  it('keeps sending, one at a time, through failures, until stopped', async () => {
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warning: (message) => warnings.push(message) };
    let sent = 0;
    let running = 0;
    const stop = startWatchdog(5, log, async () => {
      assert.equal(running++, 0);
      await sleep(12);
      running--;
      sent++;
      if (sent === 1) throw new Error('no such program');
    });
    while (sent < 3) await sleep(5);
    stop();
    await sleep(30);
    const after = sent;
    await sleep(30);
    assert.equal(sent, after);
    assert.deepEqual(warnings, ['cannot tell the service manager that we are alive: no such program']);
  });

  it('falls silent when the event loop is stuck', async () => {
    let sent = 0;
    const stop = startWatchdog(5, silentLog, () => {
      sent++;
      return Promise.resolve();
    });
    const end = performance.now() + 60;
    while (performance.now() < end);
    assert.equal(sent, 0);
    stop();
    await sleep(10);
    assert.equal(sent, 0);
  });
});
