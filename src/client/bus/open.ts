/** A host behind its buses: its daemon and its service manager. */
import { messageOf } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { openConnection, type BusConnection } from '../../dbus/connection.ts';
import { CommandError } from '../command-error.ts';
import type { Settings } from '../command-line/settings.ts';
import type { Process } from '../main.ts';
import type { Services } from '../services.ts';
import { watchingCopies } from '../copy-bar.ts';
import { busAddress } from './address.ts';
import type { LocalHost } from './attached.ts';
import { imagesOnBus } from './images.ts';
import type { Agent } from './password-agent.ts';
import { unitsOnBus } from './units.ts';

/** @throws UsageError, CommandError when there is no bus */
export async function openBus(settings: Settings, process: Process): Promise<Services> {
  const address = busAddress(settings, process.env);
  const connection = await reach(address, settings).catch((error: unknown) => {
    throw new CommandError(`Cannot connect to ${busName(settings)}: ${messageOf(error)}`, {
      hint: hintFor(settings),
      cause: error,
    });
  });
  const { askPassword } = settings;
  const agent = await passwordAgent(settings, process);
  return {
    images: imagesOnBus(connection, {
      interactive: askPassword,
      watchCopies: watchingCopies(settings, process.terminal),
      findHost: () => localHost(settings, process),
    }),
    units: unitsOnBus(connection, askPassword),
    linksTogether: false,
    // the connection ends with the process: waiting for that would take a tenth of a short command's time
    close: () => {
      agent?.stop();
      return Promise.resolve();
    },
  };
}

/** Through another program, it is often that program that fails: then the bus is not asked anything. */
async function reach(address: string, { place }: Settings): Promise<BusConnection> {
  const connection = await openConnection({ address });
  if (place.kind !== 'local') await connection.greeted;
  return connection;
}

/** Whoever may not do it without a password is asked for it, where somebody sits. */
async function passwordAgent(
  { askPassword, place, user }: Settings,
  { terminal, uid }: Process,
): Promise<Agent | undefined> {
  const wanted = askPassword && terminal.canAsk && uid !== 0 && place.kind === 'local' && !user;
  if (!wanted) return undefined;
  const { startPasswordAgent } = await import('./password-agent.ts');
  return startPasswordAgent();
}

/** The host's files, where they are on this machine. */
async function localHost({ place, user }: Settings, process: Process): Promise<LocalHost | undefined> {
  if (place.kind !== 'local') return undefined;
  const { hostPaths } = await import('../host-paths.ts');
  return { root: '/', paths: hostPaths(process, user), log: silentLog };
}

function busName({ place, user }: Settings): string {
  const bus = user ? "the user's bus" : 'the system bus';
  switch (place.kind) {
    case 'local':
      return bus;
    case 'remote':
      return `${bus} of '${place.host}'`;
    case 'machine':
      return `${bus} of the container '${place.machine}'`;
  }
}

function hintFor({ place }: Settings): string | undefined {
  switch (place.kind) {
    case 'local':
      return 'does D-Bus run here? With --root=DIR none is needed, for a tree that is not running';
    case 'remote':
      return 'can you log in there with ssh, and does it have systemd-stdio-bridge?';
    case 'machine':
      return 'machinectl list names the containers that run';
  }
}
