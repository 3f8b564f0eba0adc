/** What the process was given from outside, taken in one place: variables, user, directories of its own. */
import { isAbsolute, join } from 'node:path';

import type { Scope, UserDirectories } from '../base/host-paths.ts';
import { escapeValue } from '../dbus/address.ts';

/** Everything the daemon takes from the process it is in. Entry points fill it in; tests make their own. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** Effective user id. */
  readonly uid: number;
  /** The user's home directory. */
  readonly home: string;
  /** Directories of the profiles that came with us; undefined where we were not installed with any. */
  readonly ownProfiles: Readonly<Record<Scope, string>> | undefined;
}

/**
 * The directories of the user's session, by the variables of the XDG base directory specification or their defaults
 * (https://specifications.freedesktop.org/basedir-spec/latest/): a relative path in one of them counts as unset.
 */
export function userDirectories({ env, uid, home }: Surroundings): UserDirectories {
  const directory = (variable: string, otherwise: string): string => {
    const value = env[variable];
    return value !== undefined && isAbsolute(value) ? value : otherwise;
  };
  return {
    home,
    config: directory('XDG_CONFIG_HOME', join(home, '.config')),
    state: directory('XDG_STATE_HOME', join(home, '.local/state')),
    data: directory('XDG_DATA_HOME', join(home, '.local/share')),
    runtime: directory('XDG_RUNTIME_DIR', `/run/user/${uid}`),
  };
}

/**
 * The address of the bus to serve on: the one given, the user's, or the system's.
 * Source: D-Bus Specification, "Well-known Message Bus Instances"; sd_bus_default(3) for the user's.
 */
export function busAddress(
  { env }: Surroundings,
  options: { readonly bus: string | undefined; readonly user: boolean },
  runtime: string,
): string {
  if (options.bus !== undefined) return options.bus;
  if (options.user) return env['DBUS_SESSION_BUS_ADDRESS'] ?? `unix:path=${escapeValue(runtime)}/bus`;
  return env['DBUS_SYSTEM_BUS_ADDRESS'] ?? 'unix:path=/run/dbus/system_bus_socket';
}
