/** Where things are on this machine, for the system or the user who calls. */
import { systemPaths, userPaths, type HostPaths } from '../base/host-paths.ts';
import { userDirectories } from '../base/user-directories.ts';
import type { Process } from './main.ts';

/** @param user those of the user's scope */
export function hostPaths({ env, uid, home, ownProfiles }: Process, user: boolean): HostPaths {
  return user
    ? userPaths(userDirectories({ env, uid, home }), ownProfiles?.user)
    : systemPaths(ownProfiles?.system);
}
