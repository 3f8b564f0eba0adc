/** Answers every method call on a connection, exactly once, whatever happens. */
import type { Log } from '../base/log.ts';
import type { BusConnection } from '../dbus/connection.ts';
import type { IncomingCall } from '../dbus/incoming-call.ts';
import { failureOf } from './answer.ts';
import { dispatch, type Dispatching } from './dispatch.ts';
import { HeldArguments } from './held-arguments.ts';
import { OperationLimit } from './operation-limit.ts';
import { whileCallersStay } from './patience.ts';

export interface ServeOptions extends Omit<Dispatching, 'limit' | 'forCaller' | 'tell'> {
  readonly log: Log;
  /** Called whenever a call begins or has been answered. */
  readonly onActivity?: (() => void) | undefined;
}

export interface Service {
  /** Calls that are not answered yet, among them those that wait for polkit or for their turn. */
  readonly busy: number;
  /** Resolves when no call is left. Those that arrive meanwhile are answered too. */
  drained(): Promise<void>;
}

/** Serves the objects on `connection`. Ask for the bus name afterwards: from then on calls come. */
export function serve(connection: BusConnection, options: ServeOptions): Service {
  const { log, onActivity = () => undefined, ...objects } = options;
  const forCaller = whileCallersStay(connection, log);
  const context: Dispatching = {
    ...objects,
    forCaller,
    limit: new OperationLimit(),
    tell: (signal, signature, args) => {
      connection.tell(signal, signature, args);
    },
  };
  const held = new HeldArguments();
  // counted, not collected: what comes and goes with every call in a collection that stays is old garbage for V8
  let busy = 0;
  let drained: Waiting | undefined;
  connection.onCall((call) => {
    busy++;
    onActivity();
    void answer(call, context, held, log).then(() => {
      busy--;
      onActivity();
      if (busy > 0) return;
      drained?.resolve();
      drained = undefined;
    });
  });
  return {
    get busy() {
      return busy;
    },
    drained: () => {
      if (busy === 0) return Promise.resolve();
      return (drained ??= waiting()).promise;
    },
  };
}

interface Waiting {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function waiting(): Waiting {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Never rejects. */
async function answer(
  call: IncomingCall,
  context: Dispatching,
  held: HeldArguments,
  log: Log,
): Promise<void> {
  try {
    const release = held.hold(call);
    try {
      const { signature, values } = await dispatch(call, context);
      // when this throws, nothing was sent
      call.reply(signature, values);
    } finally {
      release();
    }
  } catch (error) {
    fail(call, error, log);
  }
}

function fail(call: IncomingCall, error: unknown, log: Log): void {
  const { name, text, internal } = failureOf(error);
  const about = `${call.member}() of ${call.sender} on ${call.path}: ${name}: ${text}`;
  if (internal)
    log.error(about, { CAUSE: (error instanceof Error ? error.stack : undefined) ?? String(error) });
  else log.debug(about);
  call.fail(name, text);
}
