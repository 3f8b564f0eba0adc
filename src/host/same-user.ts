/** Authorization on a private bus without polkit: who runs the daemon may do what the daemon may, nobody else. */
import { PortableError } from '../base/errors.ts';
import type { BusConnection } from '../dbus/connection.ts';
import type { Authority } from './authority.ts';
import { peerUsers } from './peer-users.ts';

/**
 * Allows everything to callers with the given user id, and to root.
 * @param connection the bus the callers are on: it knows their users from their sockets
 */
export function sameUserAuthority(connection: BusConnection, uid: number): Authority {
  const userOf = peerUsers(connection);
  return {
    isPrivileged: async (name) => [0, uid].includes(await userOf(name)),
    authorize: async (caller) => {
      const user = await userOf(caller.name);
      if (user === uid || user === 0) return;
      throw new PortableError(
        'AccessDenied',
        `this service is for the user with id ${uid} only, not for ${user}`,
      );
    },
  };
}
