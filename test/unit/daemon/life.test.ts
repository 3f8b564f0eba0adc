import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { silentLog, type Log } from '../../../src/base/log.ts';
import { closingAuthority } from '../../../src/daemon/closing-authority.ts';
import { IdleWatch } from '../../../src/daemon/idle.ts';
import { live, type Life } from '../../../src/daemon/life.ts';
import type { Authority } from '../../../src/host/authority.ts';
import { Deferred } from '../../support/deferred.ts';

/** A life whose every turn the test decides; what happens is written down in order. */
class Stage {
  readonly happened: string[] = [];
  readonly errors: string[] = [];
  readonly told = new Deferred<string>();
  readonly closed = new Deferred<Error | undefined>();
  readonly drained = new Deferred<undefined>();
  readonly #idleTimeoutMs: number;
  nameIsFree = true;
  busIsGone = false;

  constructor(idleTimeoutMs = Infinity) {
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  live(): Promise<number> {
    const note = (what: string): Promise<void> => {
      this.happened.push(what);
      return this.busIsGone && what !== 'refuse' ? Promise.reject(new Error('gone')) : Promise.resolve();
    };
    const log: Log = { ...silentLog, error: (message) => this.errors.push(message) };
    const life: Life = {
      bus: {
        requestName: async (name) => {
          await note(`request ${name}`);
          return this.nameIsFree;
        },
        releaseName: (name) => note(`release ${name}`),
        flush: () => note('flush'),
        close: () => note('close'),
        closed: this.closed.promise,
      },
      service: {
        busy: 0,
        drained: async () => {
          this.happened.push('drain');
          await this.drained.promise;
          this.happened.push('drained');
        },
      },
      name: 'a.name',
      idle: new IdleWatch(this.#idleTimeoutMs),
      told: this.told.promise,
      refuse: () => void note('refuse'),
      log,
    };
    return live(life);
  }
}

describe('leaving the bus', () => {
  it('when told: name, refusals, answers, flush, in this order', async () => {
    const stage = new Stage();
    const code = stage.live();
    stage.told.resolve('SIGTERM');
    await setImmediate();
    assert.deepEqual(stage.happened, ['request a.name', 'release a.name', 'refuse', 'drain']);
    stage.drained.resolve(undefined);
    assert.equal(await code, 0);
    assert.deepEqual(stage.happened.slice(4), ['drained', 'flush', 'close']);
  });

  it('when idle: answers what still came, and refuses nobody, even when told to stop meanwhile', async () => {
    const stage = new Stage(1);
    const code = stage.live();
    while (!stage.happened.includes('drain')) await setImmediate();
    stage.told.resolve('SIGTERM');
    await setImmediate();
    stage.drained.resolve(undefined);
    assert.equal(await code, 0);
    assert.deepEqual(stage.happened, [
      'request a.name',
      'release a.name',
      'drain',
      'drained',
      'flush',
      'close',
    ]);
  });

  it('when the bus is gone: finishes, and fails', async () => {
    const stage = new Stage();
    const code = stage.live();
    await setImmediate();
    stage.closed.resolve(new Error('the bus closed the connection'));
    await setImmediate();
    assert.deepEqual(stage.happened, ['request a.name', 'refuse', 'drain']);
    stage.drained.resolve(undefined);
    assert.equal(await code, 1);
    assert.deepEqual(stage.errors, [
      'lost the bus (the bus closed the connection), finishing what is under way',
    ]);
  });

  it('when the bus goes while we take leave: finishes, and fails', async () => {
    const stage = new Stage();
    const code = stage.live();
    await setImmediate();
    stage.busIsGone = true;
    stage.told.resolve('SIGTERM');
    stage.drained.resolve(undefined);
    assert.equal(await code, 1);
    assert.deepEqual(stage.happened.slice(1), ['release a.name', 'refuse', 'drain', 'drained']);
    assert.deepEqual(stage.errors, ['cannot take leave of the bus: gone']);
  });

  it('when the name is taken: at once', async () => {
    const stage = new Stage();
    stage.nameIsFree = false;
    assert.equal(await stage.live(), 1);
    assert.deepEqual(stage.happened, ['request a.name', 'close']);
    assert.deepEqual(stage.errors, ['another process serves a.name already']);
  });
});

describe('an authority that closes', () => {
  const caller = { name: ':1.1', interactive: true };
  const action = 'org.freedesktop.portable1.attach-images';

  it('ends questions that are open, and answers no more', async () => {
    const answer = new Deferred<undefined>();
    let asked = 0;
    const asking: Authority = {
      authorize: async () => {
        asked++;
        await answer.promise;
      },
      isPrivileged: () => Promise.resolve(true),
    };
    const authority = closingAuthority(asking);
    const open = authority.authorize(caller, action, {});
    authority.close();
    await assert.rejects(open, { code: 'Cancelled', message: 'the service is stopping' });
    await assert.rejects(authority.authorize(caller, action, {}), { code: 'Cancelled' });
    assert.equal(asked, 1);
    assert.equal(await authority.isPrivileged(':1.1'), true);
  });

  it('keeps nothing of the questions that have been answered', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const granting = { authorize: () => Promise.resolve(), isPrivileged: () => Promise.resolve(true) };
    const authority = closingAuthority(granting);
    const ask = async (): Promise<WeakRef<object>> => {
      const answered = authority.authorize(caller, action, {});
      await answered;
      return new WeakRef(answered);
    };
    const asked = [await ask(), await ask(), await ask()];
    await setImmediate();
    collectGarbage();
    // the last one may still be on the stack
    assert.equal(asked.slice(0, 2).filter((each) => each.deref() !== undefined).length, 0);
    authority.close();
  });

  it('passes on what the other decides until then', async () => {
    const decide = (authorize: Authority['authorize']): Authority =>
      closingAuthority({ authorize, isPrivileged: () => Promise.resolve(false) });
    await decide(() => Promise.resolve()).authorize(caller, action, {});
    const denied = decide(() => Promise.reject(new Error('no')));
    await assert.rejects(denied.authorize(caller, action, {}), /no/);
  });
});
