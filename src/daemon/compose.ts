/** The composition root: the one place that knows what is behind which interface. */
import {
  systemPaths,
  userPaths,
  withUnitPath,
  type HostPaths,
  type UserDirectories,
} from '../base/host-paths.ts';
import type { Log } from '../base/log.ts';
import type { Limits } from '../disk/budget.ts';
import { ownerAuthority, type Authority } from '../host/authority.ts';
import { offlineServiceManager } from '../host/offline-manager.ts';
import type { ServiceManager } from '../host/service-manager.ts';
import type { BusConnection } from '../dbus/connection.ts';
import type { Portables } from '../portable/portables.ts';
import type { RunOptions } from './args.ts';
import type { Surroundings } from './environment.ts';

/** The paths of the scope we run in. */
export function pathsFor(
  options: RunOptions,
  user: UserDirectories,
  ownProfiles: Surroundings['ownProfiles'],
): HostPaths {
  return options.user ? userPaths(user, ownProfiles?.user) : systemPaths(ownProfiles?.system);
}

/** The paths as the service manager of the running system has them; where none answers, as they should be. */
export async function settlePaths(
  paths: HostPaths,
  options: RunOptions,
  connection: BusConnection,
): Promise<HostPaths> {
  // the system's manager has always had all of them
  if (!options.user || options.root !== '/') return paths;
  const { askUnitPath } = await import('../host/systemd1.ts');
  const unitPath = await askUnitPath(connection);
  return unitPath === undefined ? paths : withUnitPath(paths, unitPath);
}

export interface PortablesParts {
  readonly root: string;
  readonly paths: HostPaths;
  readonly limits: Limits;
  readonly manager: ServiceManager;
  readonly log: Log;
}

/** Portables on the host, with the lock that everybody who changes that host takes. */
export async function composePortables(parts: PortablesParts): Promise<Portables> {
  const [{ createPortables }, { hostLock }] = await Promise.all([
    import('../portable/portables.ts'),
    import('../transaction/lock.ts'),
  ]);
  return createPortables({ ...parts, lock: hostLock(parts.root, parts.paths.lock) });
}

/** The service manager of the tree we work on: none for a tree that is not running. */
export async function composeManager(
  options: RunOptions,
  paths: HostPaths,
  connection: BusConnection,
): Promise<ServiceManager> {
  if (options.root !== '/') return offlineServiceManager(options.root, paths.unitPath);
  const { systemdManager } = await import('../host/systemd1.ts');
  return systemdManager(connection);
}

/**
 * Who decides what callers may do: polkit on the system bus; nobody on the user's own, where nobody else can call; the
 * caller's user id on any other bus.
 */
export async function composeAuthority(
  options: RunOptions,
  connection: BusConnection,
  uid: number,
): Promise<Authority> {
  if (options.bus !== undefined) {
    const { sameUserAuthority } = await import('../host/same-user.ts');
    return sameUserAuthority(connection, uid);
  }
  if (options.user) return ownerAuthority;
  const { polkitAuthority } = await import('../host/polkit.ts');
  return polkitAuthority(connection);
}
