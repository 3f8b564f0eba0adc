import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import assert from 'node:assert/strict';

import { IdleWatch } from '../../../src/daemon/idle.ts';

describe('the idle watch', () => {
  let now = 0;
  let idle = 0;
  const watch = (timeoutMs: number, busy: () => boolean = () => false): IdleWatch => {
    const idleWatch = new IdleWatch(timeoutMs, () => now);
    void idleWatch.idle(busy).then(() => idle++);
    return idleWatch;
  };
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i++) {
      now++;
      mock.timers.tick(1);
    }
    await Promise.resolve();
  };

  beforeEach(() => {
    now = 1000;
    idle = 0;
    mock.timers.enable({ apis: ['setTimeout'] });
  });
  afterEach(() => {
    mock.timers.reset();
  });

  it('tells after the time, and once', async () => {
    watch(100);
    await pass(99);
    assert.equal(idle, 0);
    await pass(1);
    assert.equal(idle, 1);
    await pass(1000);
    assert.equal(idle, 1);
  });

  it('counts from the last activity', async () => {
    const idleWatch = watch(100);
    for (let i = 0; i < 20; i++) {
      await pass(90);
      idleWatch.active();
    }
    assert.equal(idle, 0);
    await pass(99);
    assert.equal(idle, 0);
    await pass(1);
    assert.equal(idle, 1);
  });

  it('waits for what is going on, and counts from its end at the latest', async () => {
    let busy = true;
    watch(100, () => busy);
    await pass(1050);
    busy = false;
    await pass(49);
    assert.equal(idle, 0);
    await pass(51);
    assert.equal(idle, 1);
  });

  it('can be stopped, or never tell', async () => {
    watch(100).stop();
    watch(Infinity);
    await pass(100_000);
    assert.equal(idle, 0);
  });
});
