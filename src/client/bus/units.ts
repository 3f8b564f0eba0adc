/** What the client asks of the service manager: org.freedesktop.systemd1(5), Manager object. */
import { setTimeout } from 'node:timers/promises';

import { BusError } from '../../dbus/bus-error.ts';
import type { BusConnection } from '../../dbus/connection.ts';
import type { Reply } from '../../dbus/reply.ts';
import type { ValueOf, ValuesOf } from '../../dbus/signature.ts';
import type { Job, JobKind, LinkChange, Units } from '../services.ts';
import { ownerOf } from './owner.ts';

const manager = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
} as const;

const runtimeFlag = 1n;
/** Unit files may be below system.attached. */
const portableFlag = 4n;

const jobMethods: Readonly<Record<JobKind, string>> = {
  start: 'StartUnit',
  stop: 'StopUnit',
  restart: 'RestartUnit',
};

/** Calls a method of the manager's. */
type Ask = <S extends string>(member: string, signature: S, args: ValuesOf<S>) => Promise<Reply>;

/** @param interactive whether the service manager may have the user asked for a password */
export function unitsOnBus(connection: BusConnection, interactive: boolean): Units {
  const options = { interactive, timeoutMs: Infinity };
  const ask: Ask = (member, signature, args) =>
    connection.call({ ...manager, member }, signature, args, options);
  const flags = (runtime: boolean): bigint => portableFlag | (runtime ? runtimeFlag : 0n);
  return {
    reload: async () => {
      (await ask('Reload', '', [])).values('');
    },
    enable: async (paths, runtime) => {
      const reply = await ask('EnableUnitFilesWithFlags', 'ast', [paths, flags(runtime)]);
      return linkChanges(reply.values('ba(sss)')[1]);
    },
    disable: async (names, runtime) => {
      const reply = await ask('DisableUnitFilesWithFlags', 'ast', [names, flags(runtime)]);
      return linkChanges(reply.values('a(sss)')[0]);
    },
    run: (kind, unit, block) => {
      const enqueue = async (): Promise<string> =>
        (await ask(jobMethods[kind], 'ss', [unit, 'replace'])).values('o')[0];
      return runJob(connection, kind, unit, enqueue, block);
    },
    instances: async (template) => (await listUnits(ask, [template])).map(({ name }) => name),
    running: async (names) => {
      const units = await listUnits(ask, names);
      return units.filter(({ state }) => !restingStates.has(state)).map(({ name }) => name);
    },
    clean: (unit) => cleanUnit(ask, unit),
  };
}

/** Active states of units that do not run and will not: org.freedesktop.systemd1(5), "ActiveState". */
const restingStates: ReadonlySet<string> = new Set(['inactive', 'failed', 'maintenance', 'deactivating']);

/** The units of these names that are loaded, and the instances of templates. */
async function listUnits(
  ask: Ask,
  names: readonly string[],
): Promise<readonly { readonly name: string; readonly state: string }[]> {
  // no pattern at all would be all units
  if (names.length === 0) return [];
  const patterns = names.map((name) => patternOf(name).replace('@.', '@*.'));
  const reply = await ask('ListUnitsByPatterns', 'asas', [[], patterns]);
  return reply.values('a(ssssssouso)')[0].map(([name, , , state]) => ({ name, state }));
}

/** A pattern that matches just this name. */
function patternOf(unit: string): string {
  return unit.replace(/[\\*?[]/g, String.raw`\$&`);
}

/** Listens before it asks: a job may have ended before the answer is here. */
async function runJob(
  connection: BusConnection,
  kind: JobKind,
  unit: string,
  enqueue: () => Promise<string>,
  block: boolean,
): Promise<Job> {
  if (!block) {
    await enqueue();
    return { unit, kind, result: undefined };
  }
  const ended = new Map<string, string>();
  let wake = (): void => undefined;
  const sender = await ownerOf(connection, manager.destination);
  const match = { sender, path: manager.path, interface: manager.interface, member: 'JobRemoved' };
  const unsubscribe = await connection.onSignal(match, (signal) => {
    const [, job, , result] = signal.values('uoss');
    ended.set(job, result);
    wake();
  });
  try {
    const job = await enqueue();
    while (!ended.has(job)) {
      const lost = connection.closed.then((reason) => {
        throw reason ?? new Error('the connection to the bus was closed');
      });
      await Promise.race([lost, new Promise<void>((resolve) => (wake = resolve))]);
    }
    return { unit, kind, result: ended.get(job) };
  } finally {
    unsubscribe();
  }
}

function linkChanges(changes: ValueOf<'a(sss)'>): readonly LinkChange[] {
  return changes.flatMap(([type, path, source]) =>
    type === 'symlink' || type === 'unlink' ? [{ type, path, source }] : [],
  );
}

const cleanErrors = {
  /** systemd before 254 keeps no descriptors that could be removed. */
  unknownKind: 'org.freedesktop.DBus.Error.InvalidArgs',
  nothing: 'org.freedesktop.systemd1.NothingToClean',
  /** It runs, or it has failed: what has failed can be forgotten. */
  busy: 'org.freedesktop.systemd1.UnitBusy',
} as const;

async function cleanUnit(ask: Ask, unit: string): Promise<boolean> {
  const clean = async (kinds: readonly string[]): Promise<void> => {
    (await ask('CleanUnit', 'sas', [unit, kinds])).values('');
  };
  const steps: readonly (readonly [after: string, step: () => Promise<void>])[] = [
    [cleanErrors.unknownKind, () => clean(['all'])],
    [
      cleanErrors.busy,
      async () => {
        (await ask('ResetFailedUnit', 's', [unit])).values('');
        await clean(['all']);
      },
    ],
  ];
  let failure = await failureOf(() => clean(['all', 'fdstore']));
  for (const [after, step] of steps) if (failure?.dbusName === after) failure = await failureOf(step);
  if (failure?.dbusName === cleanErrors.nothing) return false;
  if (failure !== undefined) throw failure;
  await cleaned(ask, unit);
  return true;
}

/** How often to look, and how long at most, milliseconds; systemd.exec(5), TimeoutCleanSec=, knows no limit of its own. */
const [lookEvery, patience] = [20, 120_000];

/** The manager answers when it has begun to clean; while it does, the unit counts as running. */
async function cleaned(ask: Ask, unit: string): Promise<void> {
  const end = performance.now() + patience;
  while (performance.now() < end) {
    const reply = await ask('ListUnitsByPatterns', 'asas', [['maintenance'], [patternOf(unit)]]);
    if (reply.values('a(ssssssouso)')[0].length === 0) return;
    await setTimeout(lookEvery);
  }
}

async function failureOf(work: () => Promise<void>): Promise<BusError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof BusError) return error;
    throw error;
  }
}
