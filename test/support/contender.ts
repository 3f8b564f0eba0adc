/**
 * Attaches and detaches one unit again and again, beside others who do the same: contender.ts ROOT UNIT ROUNDS.
 * Fails when it meets anybody else's transaction half done.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { apply } from '../../src/transaction/apply.ts';
import { FileLock } from '../../src/transaction/lock.ts';
import type { Plan } from '../../src/transaction/steps.ts';
import {
  attached,
  environment,
  journalsIn,
  plan,
  removalSteps,
  step,
  unitSteps,
} from './transaction-host.ts';

const [root = '', unit = '', rounds = '1'] = process.argv.slice(2);
const lock = new FileLock(path.join(root, 'run/lock'), { waitSeconds: 120, lingerMs: 5 });
const env = environment(root, { lock });

/** What the planner sees under the lock is nobody's work in progress. */
function alone(then: Plan): () => Promise<Plan> {
  return () => {
    assert.deepEqual(journalsIn(root), []);
    return Promise.resolve(then);
  };
}

const attach = plan('attach', step.mkdir(attached), ...unitSteps(unit, unit, true));
const detach = plan('detach', ...removalSteps(unit), step.rmdir(attached));
process.stdout.write('ready\n');
for (let round = 0; round < Number(rounds); round++) {
  // a directory may be there already, left attached by one who was killed
  assert.ok((await apply(alone(attach), env)).length >= 3);
  assert.ok((await apply(alone(detach), env)).length >= 4);
}
