/** Who else is on the bus. */
import type { BusConnection } from '../dbus/connection.ts';

const bus = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

/**
 * Calls `left` when a peer leaves the bus from now on. Resolves once that is sure to be noticed.
 * @param name unique bus name
 * @returns ends it
 */
export function onPeerLeft(connection: BusConnection, name: string, left: () => void): Promise<() => void> {
  const match = { sender: bus.destination, interface: bus.interface, member: 'NameOwnerChanged', arg0: name };
  return connection.onSignal(match, left);
}

/** Whether a peer is on the bus. */
export async function isOnBus(connection: BusConnection, name: string): Promise<boolean> {
  const reply = await connection.call({ ...bus, member: 'NameHasOwner' }, 's', [name]);
  return reply.values('b')[0];
}
