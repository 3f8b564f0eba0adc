import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { lazyEngine } from '../../../src/daemon/lazy-engine.ts';
import type { Engine } from '../../../src/service/engine.ts';

describe('an engine that is loaded when it is needed', () => {
  it('is loaded once, and tried again when that failed', async () => {
    let loads = 0;
    const load = (): Promise<Engine> => {
      if (++loads === 1) return Promise.reject(new Error('the service manager did not answer'));
      return Promise.resolve({ profiles: () => Promise.resolve(['default']) } as Partial<Engine> as Engine);
    };
    const engine = lazyEngine(load, '/var/lib/portables');
    assert.equal(engine.poolPath, '/var/lib/portables');
    assert.equal(loads, 0);
    const both = [engine.profiles(), engine.imageNames()];
    for (const each of both) await assert.rejects(each, /did not answer/);
    assert.equal(loads, 1);
    assert.deepEqual(await engine.profiles(), ['default']);
    assert.deepEqual(await engine.profiles(), ['default']);
    assert.equal(loads, 2);
  });
});
