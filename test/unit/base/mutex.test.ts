import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Mutex } from '../../../src/base/mutex.ts';

describe('mutex', () => {
  it('admits one at a time, in the order in which they asked', async () => {
    const mutex = new Mutex();
    const events: string[] = [];
    const work = (name: string) =>
      mutex.run(async () => {
        events.push(`+${name}`);
        await turn();
        events.push(`-${name}`);
      });
    await Promise.all(['a', 'b', 'c'].map(work));
    assert.deepEqual(events, ['+a', '-a', '+b', '-b', '+c', '-c']);
  });

  it('lets nobody in between a release and the next waiter', async () => {
    const mutex = new Mutex();
    const order: string[] = [];
    const first = await mutex.acquire();
    const waiting = mutex.acquire().then((release) => (order.push('waiting'), release));
    first();
    const late = mutex.acquire().then((release) => (order.push('late'), release));
    (await waiting)();
    (await late)();
    assert.deepEqual(order, ['waiting', 'late']);
  });

  it('goes on after work that failed', async () => {
    const mutex = new Mutex();
    await assert.rejects(
      mutex.run(() => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await mutex.run(() => Promise.resolve(1)), 1);
  });

  it('stops waiting on abort, and forgets the waiter', async () => {
    const mutex = new Mutex();
    const release = await mutex.acquire();
    const abort = new AbortController();
    const gaveUp = mutex.acquire(abort.signal);
    const next = mutex.acquire();
    abort.abort(new Error('enough'));
    await assert.rejects(gaveUp, /enough/);
    release();
    (await next)();
    await assert.rejects(mutex.acquire(abort.signal), /enough/);
  });

  it('is not given back twice', async () => {
    const mutex = new Mutex();
    const release = await mutex.acquire();
    release();
    const second = await mutex.acquire();
    release();
    let third = false;
    const waiting = mutex.acquire().then((r) => ((third = true), r));
    await turn();
    assert.equal(third, false);
    second();
    (await waiting)();
  });
});
