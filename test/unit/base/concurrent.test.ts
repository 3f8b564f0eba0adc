import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { mapConcurrently } from '../../../src/base/concurrent.ts';

describe('mapConcurrently', () => {
  it('keeps the order of the items and the limit', async () => {
    let running = 0;
    let most = 0;
    const results = await mapConcurrently([5, 1, 3, 2, 4], 2, async (n) => {
      most = Math.max(most, ++running);
      await sleep(n);
      running--;
      return n * 10;
    });
    assert.deepEqual(results, [50, 10, 30, 20, 40]);
    assert.equal(most, 2);
  });

  it('starts nothing after a failure, and waits for what runs before it throws', async () => {
    const started: number[] = [];
    let ended = false;
    const work = async (n: number) => {
      started.push(n);
      if (n === 1) throw new Error('first');
      await sleep(5);
      ended = true;
    };
    await assert.rejects(mapConcurrently([0, 1, 2, 3], 2, work), /first/);
    assert.deepEqual(started, [0, 1]);
    assert.ok(ended);
  });

  it('of nothing is nothing', async () => {
    assert.deepEqual(await mapConcurrently([], 3, () => Promise.reject(new Error('called'))), []);
  });
});
