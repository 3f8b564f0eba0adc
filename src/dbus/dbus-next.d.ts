/**
 * The parts of dbus-next 0.10.2 (pinned, frozen upstream) that transport.ts and connection.ts stand on, which its
 * own types do not cover. Imported by path: the package's index also loads its own transport, an event-stream
 * and an XML parser, a third of a bus-activated daemon's time to the first reply.
 */

declare module 'dbus-next/lib/message-type.js' {
  interface Fields {
    readonly type?: number;
    readonly serial?: number | null;
    readonly path?: string | undefined;
    readonly interface?: string | undefined;
    readonly member?: string | undefined;
    readonly errorName?: string | undefined;
    readonly replySerial?: number | undefined;
    readonly destination?: string | undefined;
    readonly signature?: string | undefined;
    readonly body?: readonly unknown[];
    readonly flags?: number;
  }

  /** A message to send; the constructor checks names and required fields. */
  export class Message {
    constructor(fields: Fields);
    readonly type: number;
    /** Set by the bus object when the message is sent. */
    readonly serial: number;
    readonly flags: number;
    readonly path: string | undefined;
    readonly interface: string | undefined;
    readonly member: string | undefined;
    readonly errorName: string | undefined;
    readonly replySerial: number | undefined;
    readonly destination: string | undefined;
    readonly signature: string;
    readonly body: readonly unknown[];
  }
}

declare module 'dbus-next/lib/bus.js' {
  import type { EventEmitter } from 'node:events';
  import type { Message } from 'dbus-next/lib/message-type.js';

  /** What the constructor takes: dbus-next's own connection object, or anything that behaves like it. */
  interface Connection extends EventEmitter {
    message(message: Message): void;
  }

  /**
   * Says Hello, numbers messages, and matches replies to calls.
   * `Incoming` is whatever the connection emits as messages.
   */
  export default class MessageBus<Incoming> extends EventEmitter {
    constructor(connection: Connection);
    /** The unique name, once "connect" was emitted. */
    readonly name: string | null;
    /** @returns the reply, null for a call that expects none; rejects with a DBusError */
    call(message: Message): Promise<Incoming | null>;
    send(message: Message): void;
    addMethodHandler(handler: (message: Incoming) => boolean): void;
    on(event: 'message', listener: (message: Incoming) => void): this;
    once(event: 'connect', listener: () => void): this;
  }
}

declare module 'dbus-next/lib/errors.js' {
  /** The error reply to a call. */
  export class DBusError extends Error {
    /** The error's D-Bus name. */
    readonly type: string;
    readonly text: string;
  }
}
