/** Who else is on the bus. */
import { busDriver } from '../dbus/bus-driver.ts';
import type { BusConnection } from '../dbus/connection.ts';

/**
 * Calls `left` when a peer leaves the bus from now on. Resolves once that is sure to be noticed.
 * @param name unique bus name
 * @returns ends it
 */
export function onPeerLeft(connection: BusConnection, name: string, left: () => void): Promise<() => void> {
  const match = {
    sender: busDriver.destination,
    interface: busDriver.interface,
    member: 'NameOwnerChanged',
    arg0: name,
  };
  return connection.onSignal(match, left);
}

/** Whether a peer is on the bus. */
export async function isOnBus(connection: BusConnection, name: string): Promise<boolean> {
  const reply = await connection.call({ ...busDriver, member: 'NameHasOwner' }, 's', [name]);
  return reply.values('b')[0];
}
