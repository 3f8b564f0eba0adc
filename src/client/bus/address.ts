/** Which bus the daemon is on. Sources: sd_bus_default(3), sd_bus_open_system_remote(3), systemd-stdio-bridge(1). */
import { escapeValue, programAddress } from '../../dbus/address.ts';
import { UsageError } from '../../terminal/failure.ts';
import type { Settings } from '../command-line/settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const bridge = 'systemd-stdio-bridge';

/**
 * The address of the bus that the options name: the system's, the user's own, one on another machine, behind ssh(1)
 * and systemd's bridge, or one in a container, behind the bridge.
 * @throws UsageError
 */
export function busAddress({ place, user }: Pick<Settings, 'place' | 'user'>, env: Environment): string {
  switch (place.kind) {
    case 'remote':
      return remoteAddress(place.host, user, env);
    case 'machine':
      return programAddress(bridge, [`--machine=${place.machine}`, ...(user ? ['--user'] : [])]);
    case 'local':
      return user ? userAddress(env) : (env['DBUS_SYSTEM_BUS_ADDRESS'] ?? systemAddress);
  }
}

const systemAddress = 'unix:path=/run/dbus/system_bus_socket';

function userAddress(env: Environment): string {
  const address = env['DBUS_SESSION_BUS_ADDRESS'];
  if (address !== undefined) return address;
  const runtime = env['XDG_RUNTIME_DIR'];
  if (runtime !== undefined) return `unix:path=${escapeValue(runtime)}/bus`;
  throw new UsageError(
    "There is no way to the user's bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set",
    'log in as that user, or use --user --machine=USER@.host',
  );
}

/** "user@host:port/container", of which only the host is needed; an IPv6 address with a port stands in "[]". */
const remotePattern =
  /^(?:([^@\s/]+)@)?(\[[0-9A-Fa-f:.%]+\]|[^@\s/:]+|[0-9A-Fa-f:]+)(?::(\d+))?(?:\/([^@\s/]+))?$/;

function remoteAddress(text: string, user: boolean, env: Environment): string {
  if (user) {
    throw new UsageError(
      'The bus of a user on another host cannot be reached',
      'log in there: ssh HOST portablectl --user …',
    );
  }
  const [, login, host, port, container] = remotePattern.exec(text) ?? [];
  if (host === undefined || host.startsWith('-')) {
    throw new UsageError(`--host= needs [USER@]HOST[:PORT][/CONTAINER], not '${text}'`);
  }
  const target = host.replace(/^\[(.*)\]$/, '$1');
  return programAddress(env['SYSTEMD_SSH'] ?? 'ssh', [
    '-xT',
    ...(port === undefined ? [] : ['-p', port]),
    '--',
    login === undefined ? target : `${login}@${target}`,
    bridge,
    ...(container === undefined ? [] : [`--machine=${container}`]),
  ]);
}
