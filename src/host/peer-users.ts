/** Whose processes talk to us on a bus. */
import { messageOf, PortableError } from '../base/errors.ts';
import { busDriver } from '../dbus/bus-driver.ts';
import type { BusConnection } from '../dbus/connection.ts';

/** How many peers are remembered. */
const remembered = 64;

/**
 * Tells the user id of a peer by its unique name, as the bus took it from the peer's socket. A bus never gives a unique
 * name to a second peer (D-Bus specification, "Unique Connection Name"), so each is asked about once.
 * @returns a function that throws PortableError AccessDenied when the peer has left before it was known
 */
export function peerUsers(connection: BusConnection): (name: string) => Promise<number> {
  const known = new Map<string, number>();
  let latest: string | undefined;
  return async (name) => {
    const user = known.get(name) ?? (await ask(connection, name));
    if (name === latest) return user; // most calls come several from one peer
    // the peer heard of last is forgotten last
    latest = name;
    known.delete(name);
    known.set(name, user);
    for (const oldest of known.keys()) {
      if (known.size <= remembered) break;
      known.delete(oldest);
    }
    return user;
  };
}

async function ask(connection: BusConnection, name: string): Promise<number> {
  try {
    const reply = await connection.call({ ...busDriver, member: 'GetConnectionUnixUser' }, 's', [name]);
    return reply.values('u')[0];
  } catch (error) {
    throw new PortableError('AccessDenied', `cannot tell the user of ${name}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
