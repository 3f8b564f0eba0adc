/** Who owns a name on the bus: signals carry the unique name of who sends them. */
import { busDriver } from '../../dbus/bus-driver.ts';
import type { BusConnection } from '../../dbus/connection.ts';

/** @returns a unique name. @throws BusError NameHasNoOwner */
export async function ownerOf(connection: BusConnection, name: string): Promise<string> {
  const driver = { ...busDriver, member: 'GetNameOwner' };
  const reply = await connection.call(driver, 's', [name]);
  return reply.values('s')[0];
}
