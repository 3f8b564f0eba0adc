/** Carries a plan out, all or nothing. docs/decisions/transactions.md: the states, and what a crash does in each. */

import { randomBytes } from 'node:crypto';

import { locate } from './entries.ts';
import type { TransactionEnvironment } from './environment.ts';
import { Places } from './places.ts';
import { endInterrupted } from './recover.ts';
import type { Done, Plan } from './steps.ts';
import { survey } from './survey.ts';
import { Transaction } from './transaction.ts';

/** Makes a plan; called when nobody else can change the host any more. */
export type Planner = () => Promise<Plan>;

/**
 * Carries out a plan: when this resolves, all of it is done and outlives a crash or power loss; when it rejects,
 * the host is as it was. Transactions that were interrupted earlier are ended first.
 *
 * @param plan a plan, or what makes it under the lock, so that what it checked still holds
 * @returns the steps that changed something, in order
 * @throws PortableError naming the file and what failed; Busy, Cancelled
 */
export async function apply(plan: Plan | Planner, env: TransactionEnvironment): Promise<readonly Done[]> {
  const release = await env.lock.acquire(env.signal);
  try {
    await endInterrupted(env);
    return await run(typeof plan === 'function' ? await plan() : plan, env);
  } finally {
    await release();
  }
}

async function run(plan: Plan, env: TransactionEnvironment): Promise<readonly Done[]> {
  const places = Places.open(env.root, env.bases);
  const drafts = await survey(plan.steps, places, env.root);
  if (drafts.length === 0) return [];
  const id = randomBytes(8).toString('hex');
  const transaction = new Transaction(plan, id, locate(drafts, id, places), env);
  try {
    await transaction.prepare();
    await transaction.commit();
  } catch (error) {
    throw await transaction.rollBack(error);
  }
  return await transaction.finish();
}
