/** What a call to somebody else on the bus fails with. */

const DBUS = 'org.freedesktop.DBus.Error';

/** An error reply, or what stands for one: the connection is gone, no answer came in time. */
export class BusError extends Error {
  override readonly name = 'BusError';
  /** "org.freedesktop.DBus.Error.ServiceUnknown" */
  readonly dbusName: string;

  constructor(dbusName: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.dbusName = dbusName;
  }
}

/** The connection ended, or was never made. */
export function disconnected(message: string, cause?: unknown): BusError {
  return new BusError(`${DBUS}.Disconnected`, message, cause);
}

/** No reply within the caller's time. */
export function timedOut(message: string): BusError {
  return new BusError(`${DBUS}.NoReply`, message);
}

/** Whether the call failed because nobody has that name and nobody could be started for it. */
export function isAbsent(error: unknown): error is BusError {
  return (
    error instanceof BusError &&
    (error.dbusName === `${DBUS}.ServiceUnknown` ||
      error.dbusName === `${DBUS}.NameHasNoOwner` ||
      error.dbusName.startsWith(`${DBUS}.Spawn.`))
  );
}
