/** What nobody waits for any more is not done. */
import { messageOf, PortableError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { BusConnection } from '../dbus/connection.ts';
import { isOnBus, onPeerLeft } from '../host/peer.ts';

/** Work for a caller; `left` is aborted when the caller has left the bus. */
export type ForCaller = <T>(caller: string, work: (left: AbortSignal) => Promise<T>) => Promise<T>;

/** Calls that take less than this, in ms, are not worth asking the bus who is there. */
const quick = 200;

/** Does work only as long as its caller is on the bus; what cannot be cancelled any more is completed nevertheless. */
export function whileCallersStay(connection: BusConnection, log: Log): ForCaller {
  return async (caller, work) => {
    const left = new AbortController();
    const leave = (): void => {
      log.notice(`${caller} left the bus: its call is given up, if it still can be`);
      left.abort(new PortableError('Cancelled', `${caller} left the bus`));
    };
    let watching: Promise<(() => void) | undefined> | undefined;
    const timer = setTimeout(() => {
      watching = watch(connection, caller, leave).catch((error: unknown) => {
        log.warning(`cannot tell whether ${caller} is still there: ${messageOf(error)}`);
        return undefined;
      });
    }, quick);
    try {
      return await work(left.signal);
    } finally {
      clearTimeout(timer);
      void watching?.then((stop) => stop?.());
    }
  };
}

async function watch(connection: BusConnection, caller: string, leave: () => void): Promise<() => void> {
  const stop = await onPeerLeft(connection, caller, leave);
  if (!(await isOnBus(connection, caller))) leave();
  return stop;
}
