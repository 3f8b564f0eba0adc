/**
 * Lets the power fail during transactions on a file system of its own: power-loss.ts TYPE DIRECTORY, as root, in a
 * mount namespace of its own (unshare -m), so that nobody else's keeps the mounts. Ends with an error, or prints how
 * many crashes it tried.
 *
 * The disk is a file with a loop device on it; a copy of the file is what would be left without power. Only what was
 * fsynced can be relied upon to be in it.
 */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { recover } from '../../src/transaction/recover.ts';
import { buildDriver, Driver, type CallSite } from './injection.ts';
import { runSync } from './run.ts';
import type { DriverResult } from './transaction-driver.ts';
import {
  environment,
  journalsIn,
  plantScenario,
  present,
  scenarios,
  type Scenario,
} from './transaction-host.ts';

/** File system → the size of its disk, and how it is made. */
const fileSystems: Readonly<
  Record<string, { readonly size: string; readonly make: readonly [string, ...string[]] }>
> = {
  ext4: { size: '64M', make: ['mkfs.ext4', '-q', '-F'] },
  xfs: { size: '320M', make: ['mkfs.xfs', '-q'] },
  btrfs: { size: '128M', make: ['mkfs.btrfs', '-q'] },
};

/** What is left of a transaction that ran until the power failed. */
interface Crash {
  readonly root: string;
  readonly disk: string;
  /** The last call before it, or "done". */
  readonly when: string;
  readonly result: DriverResult | undefined;
}

const [type = '', directory = ''] = process.argv.slice(2);
const mountPoint = path.join(directory, 'mount');
const disk = path.join(directory, 'disk');
mkdirSync(mountPoint);
const bundle = await buildDriver(directory);
makeDisk();
let count = 0;
for (const [name, scenario] of Object.entries(scenarios)) {
  const { crashes, old, complete } = await mounted(disk, () => crash(name, scenario));
  const seen = new Set<readonly string[]>();
  for (const each of crashes) {
    const found = await mounted(each.disk, () => recovered(each.root));
    const said = `${type}, ${name}, at ${each.when}: ${JSON.stringify(each.result)}`;
    const right = each.result?.done === undefined ? [old, complete] : [complete];
    const nearest = right.find((state) => state.join('\n') === found.join('\n')) ?? right[0]!;
    assert.deepEqual(found, nearest, said);
    seen.add(nearest);
    rmSync(each.disk);
  }
  assert.equal(seen.size, 2, 'the power failed before the decision, and after');
  count += crashes.length;
}
console.log(count);

function makeDisk(): void {
  const { size, make } = fileSystems[type]!;
  runSync('truncate', ['-s', size, disk]);
  runSync(make[0], [...make.slice(1), disk]);
}

/** Lets the power fail before each fsync of a transaction, and when it has just said that it is done. */
async function crash(name: string, scenario: Scenario) {
  const root = plantScenario(mountPoint, scenario);
  const old = present(root);
  const driver = await Driver.start(bundle);
  const sites = await driver.callSites(
    { root, scenario: name },
    'fsync,syncfs',
    path.join(directory, 'trace'),
  );
  await driver.stop();
  const crashes: Crash[] = [];
  for (const site of [...sites, undefined]) {
    const crashed = plantScenario(mountPoint, scenario);
    runSync('sync', ['-f', crashed]);
    const result = await runTo(crashed, name, site);
    const copy = path.join(directory, `disk.${crashes.length}`);
    runSync('cp', ['--sparse=always', disk, copy]);
    const when = site === undefined ? 'done' : `${site.call} ${site.nth}`;
    crashes.push({ root: crashed, disk: copy, when, result });
  }
  return { crashes, old, complete: present(root) };
}

/** Carries the transaction out up to a call, and kills the process there. */
async function runTo(
  root: string,
  name: string,
  site: CallSite | undefined,
): Promise<DriverResult | undefined> {
  const driver = await Driver.start(bundle);
  try {
    const injection = site === undefined ? undefined : { ...site, action: 'signal=SIGKILL' };
    return await driver.run({ root, scenario: name }, injection);
  } finally {
    await driver.stop();
  }
}

async function recovered(root: string): Promise<readonly string[]> {
  await recover(environment(root));
  assert.deepEqual(journalsIn(root), []);
  return present(root);
}

async function mounted<T>(image: string, work: () => Promise<T>): Promise<T> {
  runSync('mount', ['-o', 'loop', image, mountPoint]);
  try {
    return await work();
  } finally {
    runSync('umount', [mountPoint]);
  }
}
