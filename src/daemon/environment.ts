/** What the process was given from outside, taken in one place: variables, user, directories of its own. */
import type { Scope } from '../base/host-paths.ts';
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
