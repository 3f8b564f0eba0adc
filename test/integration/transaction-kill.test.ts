/**
 * A process that is killed at any system call of a transaction leaves the host, once somebody has recovered it, as
 * it was before or as it would have been after; and so does one that is killed while recovering.
 */
import assert from 'node:assert/strict';
import { existsSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { before, it } from 'node:test';
import { mapConcurrently } from '../../src/base/concurrent.ts';
import { recover } from '../../src/transaction/recover.ts';
import { buildDriver, changingCalls, Driver, type CallSite } from '../support/injection.ts';
import { scratchDirectory } from '../support/scratch.ts';
import type { DriverRequest } from '../support/transaction-driver.ts';
import {
  attached,
  environment,
  journalDirectory,
  journalsIn,
  namesIn,
  plantScenario,
  present,
  scenarios,
} from '../support/transaction-host.ts';

const scratch = scratchDirectory('kill', '/dev/shm');
let bundle = '';
before(async () => {
  bundle = await buildDriver(scratch);
});

for (const [name, scenario] of Object.entries(scenarios)) {
  it(`killed anywhere in "${name}": the host before, or the host after`, async () => {
    const states = await statesOf(name);
    /** The last point at which the transaction was to be undone, and to be redone. */
    const last = new Map<Fate, number>();
    const points = await pointsOf({ root: plantScenario(scratch, scenario), scenario: name });
    await mapConcurrently(points.entries(), availableParallelism(), async ([index, point]) => {
      const root = plantScenario(scratch, scenario);
      await killAt(point, { root, scenario: name });
      const fate = fateOf(root, name);
      last.set(fate, Math.max(index, last.get(fate) ?? 0));
      await checkRecovered(root, states[fate], `killed at ${nameOf(point)}, ${fate}`);
    });
    assert.ok(last.has('undo') && last.has('redo'), 'the sweep met both sides of the decision');
    for (const fate of ['undo', 'redo'] as const) {
      const point = points[last.get(fate) ?? -1];
      if (point !== undefined) await killRecovery(name, point, states[fate]);
    }
  });
}

/** Kills the recovery from a crash at `point` at every call it makes; the next one then has to end it. */
async function killRecovery(name: string, point: CallSite, wanted: Wanted): Promise<void> {
  const crash = async () => {
    const root = plantScenario(scratch, scenarios[name]!);
    await killAt(point, { root, scenario: name });
    return root;
  };
  const points = await pointsOf({ root: await crash() });
  await mapConcurrently(points, availableParallelism(), async (second) => {
    const root = await crash();
    await killAt(second, { root });
    await checkRecovered(root, wanted, `killed at ${nameOf(point)}, recovery killed at ${nameOf(second)}`);
  });
}

/**
 * Which way a transaction goes that nobody lives to end, as its journal says. Without one it may not have begun, or
 * have ended; an empty one means that it had not begun.
 */
type Fate = 'undo' | 'redo' | 'none';

/** The states of the host that are right. */
type Wanted = readonly (readonly string[])[];

async function statesOf(name: string): Promise<Readonly<Record<Fate, Wanted>>> {
  const root = plantScenario(scratch, scenarios[name]!);
  const old = present(root);
  const result = await inDriver((driver) => driver.run({ root, scenario: name }));
  assert.equal(result?.error, undefined);
  const complete = present(root);
  assert.notDeepEqual(complete, old);
  return { undo: [old], redo: [complete], none: [old, complete] };
}

/** The calls of the undisturbed process that change something. */
async function pointsOf(request: DriverRequest): Promise<readonly CallSite[]> {
  const log = path.join(scratch, `${path.basename(request.root)}.trace`);
  const points = await inDriver((driver) => driver.callSites(request, changingCalls, log));
  assert.ok(points.length > 0);
  return points;
}

function nameOf({ call, nth }: CallSite): string {
  return `${call} ${nth}`;
}

/** Where another process than ours gets killed, a copying tool for example, the driver lives and has an answer. */
async function killAt(point: CallSite, request: DriverRequest): Promise<void> {
  const old = present(request.root);
  const result = await inDriver((driver) => driver.run(request, { ...point, action: 'signal=SIGKILL' }));
  if (result?.error !== undefined) assert.deepEqual(present(request.root), old, result.error.message);
}

async function inDriver<T>(work: (driver: Driver) => Promise<T>): Promise<T> {
  const driver = await Driver.start(bundle);
  try {
    return await work(driver);
  } finally {
    await driver.stop();
  }
}

/** Looks at the host before anybody recovers it: what will become of it, and no new unit without its drop-in. */
function fateOf(root: string, name: string): Fate {
  const isUnit = (each: string) => /^[abc]\.(service|socket)$/.test(each);
  if (scenarios[name]?.plan.kind !== 'reattach') {
    for (const unit of namesIn(path.join(root, attached)).filter(isUnit)) {
      assert.ok(
        existsSync(path.join(root, attached, `${unit}.d/20-portable.conf`)),
        `${unit} without drop-in`,
      );
    }
  }
  const [journal] = journalsIn(root);
  if (journal === undefined) {
    // or nobody would know that there is something to recover
    assert.deepEqual(
      present(root).filter((line) => line.includes('.#portabled-')),
      [],
      'files without a journal',
    );
    return 'none';
  }
  const isEmpty = statSync(path.join(journalDirectory(root), journal)).size === 0;
  return isEmpty ? 'undo' : (path.extname(journal).slice(1) as Fate);
}

async function checkRecovered(root: string, wanted: Wanted, when: string): Promise<void> {
  const recovered = await recover(environment(root));
  const found = present(root);
  const said = `${when}; recovery: ${recovered.map(({ outcome }) => outcome).join() || 'nothing to do'}`;
  const nearest = wanted.find((state) => JSON.stringify(state) === JSON.stringify(found)) ?? wanted[0];
  assert.deepEqual(found, nearest, said);
  assert.deepEqual(journalsIn(root), [], said);
  assert.deepEqual(await recover(environment(root)), [], said);
  rmSync(root, { recursive: true });
}
