/**
 * Any system call of a transaction may fail: then the host is as it was, and the error names the file; or, from the
 * decision on, the transaction is complete, and recovery removes what could not be.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { mapConcurrently } from '../../src/base/concurrent.ts';
import { recover } from '../../src/transaction/recover.ts';
import { diskDirectory } from '../support/disk.ts';
import {
  buildDriver,
  changingCalls,
  Driver,
  lookingCalls,
  type CallSite,
  type Injection,
} from '../support/injection.ts';
import { scratchDirectory } from '../support/scratch.ts';
import type { DriverResult } from '../support/transaction-driver.ts';
import { environment, journalsIn, plantScenario, present, scenarios } from '../support/transaction-host.ts';

/** Each call fails with one of these, the next one with the next. */
const errors = ['ENOSPC', 'EIO', 'EROFS', 'EACCES', 'EPERM'];

const scratch = scratchDirectory('errors', diskDirectory());
const calls = `${changingCalls},${lookingCalls},fsync`;
let bundle = '';
before(async () => {
  bundle = await buildDriver(scratch);
});

for (const [name, scenario] of Object.entries(scenarios)) {
  describe(`failures in "${name}"`, () => {
    for (const onwards of [false, true]) {
      it(`of any one call${onwards ? ', and all later ones of its kind' : ''}`, async () => {
        const { old, complete, sites } = await undisturbed(name);
        await withDrivers(sites.entries(), async (driver, [index, site]) => {
          const error = errors[(index + (onwards ? 1 : 0)) % errors.length]!;
          const root = plantScenario(scratch, scenario);
          const injection: Injection = { ...site, action: `error=${error}`, onwards };
          const result = await driver.run({ root, scenario: name }, injection);
          assert.ok(result !== undefined, 'the driver ended');
          const when = `${error} at ${site.call} ${site.nth}: ${JSON.stringify(result)}`;
          checkNamesFile(result, when);
          if (result.error !== undefined && !onwards) assert.deepEqual(visible(root, name), old, when);
          await recover(environment(root));
          assert.deepEqual(present(root), willComplete(result) ? complete : old, when);
          assert.deepEqual(journalsIn(root), [], when);
          rmSync(root, { recursive: true });
        });
      });
    }
  });
}

/**
 * What is on the host. A call fails in the tools that copy and remove images too: a failed copy and a failed removal
 * of what there was of it are one failure too many, and a tree stays, under its temporary name, for recovery.
 */
function visible(root: string, name: string): readonly string[] {
  const copies = scenarios[name]?.plan.steps.some(({ kind }) => kind === 'copy-image') === true;
  return present(root).filter((line) => !copies || !line.includes('/.#portabled-'));
}

/** Whether the caller was told that it is done, or will be. */
function willComplete(result: DriverResult): boolean {
  return result.error === undefined || result.error.message.includes('completes it');
}

function checkNamesFile({ error }: DriverResult, when: string): void {
  if (error !== undefined) assert.match(error.message, /cannot .*'\/[^']+'|'\/[^']+' .*exists/, when);
}

/** Both states of the host, and the calls on the way from one to the other. */
async function undisturbed(name: string) {
  const root = plantScenario(scratch, scenarios[name]!);
  const old = present(root);
  const driver = await Driver.start(bundle);
  const log = path.join(scratch, `${path.basename(root)}.trace`);
  const sites: readonly CallSite[] = await driver.callSites({ root, scenario: name }, calls, log);
  await driver.stop();
  return { old, complete: present(root), sites };
}

/** Shares the work among as many drivers as there are processors. */
async function withDrivers<T>(
  items: Iterable<T>,
  work: (driver: Driver, item: T) => Promise<void>,
): Promise<void> {
  const drivers = await Promise.all(
    Array.from({ length: availableParallelism() }, () => Driver.start(bundle)),
  );
  const idle = [...drivers];
  try {
    await mapConcurrently(items, drivers.length, async (item) => {
      const driver = idle.pop()!;
      await work(driver, item);
      idle.push(driver);
    });
  } finally {
    await Promise.all(drivers.map((driver) => driver.stop()));
  }
}
