/**
 * A connection to a message bus: calls out, calls in, signals, names.
 * dbus-next's MessageBus says Hello, numbers messages and matches replies; transport.ts carries the bytes.
 */
import MessageBus from 'dbus-next/lib/bus.js';
import { DBusError } from 'dbus-next/lib/errors.js';
import { Message } from 'dbus-next/lib/message-type.js';
import { messageOf } from '../base/errors.ts';
import { silentLog, type Log } from '../base/log.ts';
import { busDriver } from './bus-driver.ts';
import { BusError, disconnected, timedOut } from './bus-error.ts';
import { IncomingCall } from './incoming-call.ts';
import { messageFlag, messageType, type IncomingMessage } from './message.ts';
import { Reply } from './reply.ts';
import type { ValuesOf } from './signature.ts';
import { SignalMatch, type Match } from './signal-match.ts';
import { openTransport, type Transport } from './transport.ts';

/** Whom to ask what. */
export interface Method {
  /** A bus name, unique or well-known. */
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
}

/** What to tell whom. */
export interface DirectedSignal {
  /** A unique bus name. */
  readonly to: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
}

export interface CallOptions {
  /** Stops waiting; the call itself cannot be taken back. */
  readonly signal?: AbortSignal | undefined;
  /** Default 25,000; Infinity waits as long as the connection lasts. */
  readonly timeoutMs?: number | undefined;
  /** The peer may ask the user (polkit). */
  readonly interactive?: boolean | undefined;
  /** Do not start the destination if it does not run. */
  readonly noAutoStart?: boolean | undefined;
}

export interface ConnectOptions {
  /** Server addresses, tried in order. */
  readonly address: string;
  /** For authenticating and saying Hello; default 25,000. */
  readonly timeoutMs?: number;
  /** Told when a handler of calls or signals throws. */
  readonly log?: Log;
}

/** A flag of the driver's method that hands out names ("Message Bus Messages"). */
const doNotQueue = 4;
const defaultTimeoutMs = 25_000;

/**
 * Connects to a bus that welcomes us.
 * @throws BusError Disconnected or NoReply, AddressError
 */
export async function connect(options: ConnectOptions): Promise<BusConnection> {
  const connection = await openConnection(options);
  await connection.greeted;
  return connection;
}

/**
 * Connects to a bus without waiting for its welcome: calls can be made at once, and fail if there is none. That saves
 * the time of two answers.
 * @throws BusError Disconnected or NoReply when nobody listens there, AddressError
 */
export async function openConnection(options: ConnectOptions): Promise<BusConnection> {
  const { address, timeoutMs = defaultTimeoutMs, log = silentLog } = options;
  const transport = await openTransport(address);
  const connection = new BusConnection(transport, log);
  const timer = setTimeout(() => {
    transport.fail(timedOut(`the bus did not answer within ${timeoutMs} ms`));
  }, timeoutMs);
  const settled = (): void => {
    clearTimeout(timer);
  };
  connection.greeted.then(settled, settled);
  return connection;
}

export class BusConnection {
  /** Resolves when the bus has given us a name; rejects with a BusError when the connection ends before. */
  readonly greeted: Promise<void>;
  /** Resolves when the connection has ended: with undefined after close(), otherwise with the reason. */
  readonly closed: Promise<Error | undefined>;
  readonly #transport: Transport;
  readonly #bus: MessageBus<IncomingMessage>;
  readonly #log: Log;
  /** Ends every call that waits for a reply. */
  readonly #waiting = new Set<(reason: Error) => void>();
  readonly #subscriptions = new Set<{ match: SignalMatch; handler: (signal: IncomingMessage) => void }>();
  #ended: Error | undefined;
  #callHandler: (call: IncomingCall) => void = rejectCall;

  /** Says Hello. Use connect(). */
  constructor(transport: Transport, log: Log) {
    this.#log = log;
    this.#transport = transport;
    const messageBus = new MessageBus<IncomingMessage>(transport);
    this.#bus = messageBus;
    this.closed = transport.closed;
    this.greeted = new Promise((resolve, reject) => {
      messageBus.once('connect', resolve);
      void transport.closed.then((reason) => {
        reject(reason ?? disconnected('the connection was closed'));
      });
    });
    // those who do not wait for it hear of it from their calls
    this.greeted.catch(() => undefined);
    messageBus.addMethodHandler((message) => {
      this.#handle(new IncomingCall(message, (reply) => this.#bus.send(reply)));
      return true;
    });
    messageBus.on('message', (message) => {
      if (message.type === messageType.signal) this.#deliver(message);
    });
    void transport.closed.then((reason) => {
      this.#ended = reason ?? disconnected('the connection was closed');
      for (const end of this.#waiting) end(this.#ended);
    });
  }

  /** ":1.42", from the greeting on. */
  get uniqueName(): string {
    return this.#bus.name ?? '';
  }

  /**
   * Calls a method and waits for the reply.
   * @throws BusError with the name of the error reply, Disconnected, or NoReply when time is up;
   *   the reason of `options.signal` when that is aborted; EncodeError when `args` do not fit `signature`
   */
  call<S extends string>(
    method: Method,
    signature: S,
    args: ValuesOf<S>,
    options: CallOptions = {},
  ): Promise<Reply> {
    const flags =
      (options.interactive === true ? messageFlag.allowInteractiveAuthorization : 0) |
      (options.noAutoStart === true ? messageFlag.noAutoStart : 0);
    return new Promise((resolve, reject) => {
      const message = new Message({ ...method, type: messageType.call, signature, body: args, flags });
      options.signal?.throwIfAborted();
      if (this.#ended !== undefined) throw this.#ended;
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(fail);
        options.signal?.removeEventListener('abort', abort);
      };
      const fail = (reason: Error): void => {
        finish();
        reject(reason);
      };
      const abort = (): void => {
        fail(options.signal?.reason as Error);
      };
      const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
      const timer = Number.isFinite(timeoutMs)
        ? setTimeout(() => {
            fail(timedOut(`no answer from ${method.destination} to ${method.member} within ${timeoutMs} ms`));
          }, timeoutMs)
        : undefined;
      this.#waiting.add(fail);
      options.signal?.addEventListener('abort', abort);
      this.#bus.call(message).then(
        (reply) => {
          finish();
          if (reply === null) reject(disconnected('a call without reply'));
          else resolve(new Reply(reply, method));
        },
        (error: unknown) => {
          fail(busError(error));
        },
      );
    });
  }

  /** Hands every method call to `handler`, which must see to it that it is answered. */
  onCall(handler: (call: IncomingCall) => void): void {
    this.#callHandler = handler;
  }

  /**
   * Calls `handler` for each signal that matches. Resolves once the bus delivers them, so that what is asked
   * afterwards and the signals leave no gap; the result ends the subscription.
   */
  async onSignal(match: Match, handler: (signal: IncomingMessage) => void): Promise<() => void> {
    const subscription = { match: new SignalMatch(match), handler };
    const rule = subscription.match.rule;
    this.#subscriptions.add(subscription);
    try {
      await this.call({ ...busDriver, member: 'AddMatch' }, 's', [rule]);
    } catch (error) {
      this.#subscriptions.delete(subscription);
      throw error;
    }
    return () => {
      if (!this.#subscriptions.delete(subscription)) return;
      // nothing depends on it: signals that still come match no subscription
      this.call({ ...busDriver, member: 'RemoveMatch' }, 's', [rule]).catch(() => undefined);
    };
  }

  /**
   * Sends a signal to one peer only.
   * @throws EncodeError when `args` do not fit `signature`
   */
  tell<S extends string>(signal: DirectedSignal, signature: S, args: ValuesOf<S>): void {
    if (this.#ended !== undefined) return;
    const { to: destination, ...named } = signal;
    this.#bus.send(new Message({ ...named, destination, type: messageType.signal, signature, body: args }));
  }

  /**
   * Asks for a well-known name without queueing for it.
   * @returns whether we own it now
   */
  async requestName(name: string): Promise<boolean> {
    const reply = await this.call({ ...busDriver, member: 'RequestName' }, 'su', [name, doNotQueue]);
    const [answer] = reply.values('u');
    // 1: we own it; 4: we already did
    return answer === 1 || answer === 4;
  }

  /** Gives a well-known name back. Messages sent to it before still arrive. */
  async releaseName(name: string): Promise<void> {
    await this.call({ ...busDriver, member: 'ReleaseName' }, 's', [name]);
  }

  /** Resolves when everything sent so far has been handed to the kernel, or can no longer be. */
  flush(): Promise<void> {
    return this.#transport.flush();
  }

  /** Ends the connection after what has been sent. */
  async close(): Promise<void> {
    this.#transport.end();
    await this.closed;
  }

  #handle(call: IncomingCall): void {
    try {
      this.#callHandler(call);
    } catch (error) {
      this.#log.error(`the handler of ${call.member}() failed: ${messageOf(error)}`);
      call.fail('org.freedesktop.DBus.Error.Failed', 'internal error, see the log');
    }
  }

  #deliver(signal: IncomingMessage): void {
    for (const { match, handler } of this.#subscriptions) {
      try {
        if (match.fits(signal)) handler(signal);
      } catch (error) {
        this.#log.error(`the handler of signal ${match.rule} failed: ${messageOf(error)}`);
      }
    }
  }
}

/** Until somebody serves calls, nobody does. */
function rejectCall(call: IncomingCall): void {
  call.fail('org.freedesktop.DBus.Error.UnknownObject', `there is no object ${call.path} here`);
}

function busError(error: unknown): Error {
  // the library's error carries the whole reply and tells no more
  if (error instanceof DBusError) return new BusError(error.type, error.text);
  return error instanceof Error ? error : new Error(String(error));
}
