/** Puts the service together and lives its life on the bus. */
import { messageOf } from '../base/errors.ts';
import type { HostPaths, UserDirectories } from '../base/host-paths.ts';
import { openConnection, type BusConnection } from '../dbus/connection.ts';
import type { Engine } from '../service/engine.ts';
import { busName } from '../service/paths.ts';
import { serve } from '../service/serve.ts';
import type { RunOptions } from './args.ts';
import { closingAuthority } from './closing-authority.ts';
import { composeAuthority, composeManager, composePortables, settlePaths } from './compose.ts';
import type { Config } from './config/options.ts';
import { busAddress, type Surroundings } from './environment.ts';
import { IdleWatch } from './idle.ts';
import { lazyEngine } from './lazy-engine.ts';
import { live } from './life.ts';
import type { DaemonLog } from './log/log.ts';
import { machineId } from './machine-id.ts';
import { hasJournals, recoverHost, reloadManager } from './recovery.ts';
import { catchSignals, type SignalSource } from './signals.ts';
import { startWatchdog, watchdogInterval } from './watchdog.ts';

export interface Serving {
  readonly process: Surroundings & { readonly signals: SignalSource };
  readonly options: RunOptions;
  readonly config: Config;
  readonly paths: HostPaths;
  readonly user: UserDirectories;
  readonly log: DaemonLog;
}

/**
 * Serves until it is time to go.
 * @returns the exit code
 */
export async function serveOnBus(serving: Serving): Promise<number> {
  const { process, options, config, paths, user, log } = serving;
  const told = catchSignals(process.signals);
  const address = busAddress(process, options, user.runtime);
  const connection = await openConnection({ address }).catch((error: unknown) => {
    log.error(`cannot serve on the bus ${address}: ${messageOf(error)}`);
    return undefined;
  });
  if (connection === undefined) return 1;
  const manager = await composeManager(options, paths, connection);
  const open = async () => {
    const settled = await settlePaths(paths, options, connection);
    return composePortables({ root: options.root, paths: settled, limits: config.limits, manager, log });
  };
  const recovered = hasJournals(options.root, paths) ? await open() : undefined;
  if (recovered) await recoverHost(recovered, log, () => reloadManager(options.root, paths.scope));
  const stopWatchdog = keepAlive(process, log);
  try {
    return await liveOn(
      connection,
      lazyEngine(async () => recovered ?? (await open()), paths.pool),
      serving,
      told,
    );
  } finally {
    stopWatchdog();
  }
}

async function liveOn(
  bus: BusConnection,
  engine: Engine,
  { process, options, config, log }: Serving,
  told: Promise<unknown>,
): Promise<number> {
  const idle = new IdleWatch(config.idleTimeoutMs);
  const authority = closingAuthority(await composeAuthority(options, bus, process.uid));
  const service = serve(bus, {
    engine,
    authority,
    log,
    logControl: log,
    machineId: () => machineId(),
    onActivity: () => idle.active(),
  });
  return await live({ bus, service, name: busName, idle, told, refuse: authority.close, log });
}

function keepAlive({ env, pid }: Surroundings, log: DaemonLog): () => void {
  const interval = watchdogInterval(
    {
      NOTIFY_SOCKET: env['NOTIFY_SOCKET'],
      WATCHDOG_USEC: env['WATCHDOG_USEC'],
      WATCHDOG_PID: env['WATCHDOG_PID'],
    },
    pid,
  );
  return interval === undefined ? () => undefined : startWatchdog(interval, log);
}
