/** The daemon that answers, ours or systemd's, and what only ours can do. */
import { quoted } from '../../base/errors.ts';
import type { BusConnection } from '../../dbus/connection.ts';
import { variantValue } from '../../dbus/reply.ts';
import { CommandError } from '../command-error.ts';

export const manager = {
  destination: 'org.freedesktop.portable1',
  path: '/org/freedesktop/portable1',
  interface: 'org.freedesktop.portable1.Manager',
} as const;

/** What the log of our daemon calls it: org.freedesktop.LogControl1(5). */
export const ours = 'portabled';

/** What the daemon calls itself in its log; it is started if it does not run. @throws BusError */
export async function daemonName(connection: BusConnection): Promise<string> {
  const log = 'org.freedesktop.LogControl1';
  const method = {
    ...manager,
    path: '/org/freedesktop/LogControl1',
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
  };
  const reply = await connection.call(method, 'ss', [log, 'SyslogIdentifier']);
  return variantValue(reply.values('v')[0], 's', 'the name of the daemon');
}

/**
 * systemd's daemon takes a path for the name of a profile that does not exist, and runs the units without any.
 * @throws CommandError
 */
export async function checkProfile(connection: BusConnection, profile: string): Promise<void> {
  if (!profile.startsWith('/')) return;
  const name = await daemonName(connection);
  if (name === ours) return;
  throw new CommandError(`Cannot use the profile ${quoted(profile)}: ${name} knows profiles by name only.`, {
    hint: 'put it below /etc/systemd/portable/profile, as NAME/service.conf, and use --profile=NAME',
  });
}
