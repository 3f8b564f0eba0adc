import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { readOnly } from '../../../src/client/verbs/read-only.ts';
import type { Context } from '../../../src/client/verb.ts';
import { UsageError } from '../../../src/terminal/failure.ts';

/** What the daemon is asked when these words are typed. */
async function asked(...args: readonly string[]): Promise<readonly unknown[]> {
  const calls: unknown[] = [];
  const context = {
    args,
    cwd: '/',
    settings: { json: 'off', quiet: true, extensions: [], place: { kind: 'local' } },
    services: { images: { markReadOnly: (...call: unknown[]) => Promise.resolve(void calls.push(call)) } },
  } as unknown as Context;
  await readOnly(context);
  return calls;
}

describe('portablectl read-only', () => {
  it('takes the words that systemd takes for yes and no', async () => {
    assert.deepEqual(await asked('app'), [['app', true]]);
    assert.deepEqual(await asked('app', 'On'), [['app', true]]);
    assert.deepEqual(await asked('app', 'f'), [['app', false]]);
  });

  it('takes no other', async () => {
    for (const word of ['perhaps', '', 'constructor', '__proto__']) {
      await assert.rejects(asked('app', word), UsageError, word);
    }
  });
});
