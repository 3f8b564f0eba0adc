/**
 * The connection below dbus-next's MessageBus: a socket, authenticated by dbus-next's handshake, with our own
 * framing, decoder and encoder in place of dbus-next's, because
 * - its reader decodes every body, in an event handler: type `h` in any message is an uncaught exception, 32 MiB
 *   of `av` are gigabytes, and a big-endian sender's 64-bit numbers come out wrong;
 * - its writer takes 0.4 s and 100 MB for a reply with a 1 MiB byte array;
 * - it tells nobody when the bus goes away.
 * The seam is MessageBus's constructor, which takes any object with "message" events and a message() method.
 */
import { EventEmitter } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import handshake from 'dbus-next/lib/handshake.js';
import type { Message } from 'dbus-next/lib/message-type.js';
import { messageOf } from '../base/errors.ts';
import { parseAddresses, programOf, socketPath, type Address } from './address.ts';
import { BusError, disconnected } from './bus-error.ts';
import { messageFramer } from './framing.ts';
import { encodeMessage, messageFlag, messageType, type IncomingMessage } from './message.ts';

/** What a message of ours may weigh; more breaks the connection (dbus-daemon's limit on the system bus). In bytes. */
const maxOutgoing = 32 * 1024 * 1024;
/** What we keep of what others send us unasked: thousands of paths, not a flood. In bytes. */
const maxUnasked = 1024 * 1024;
const busDriver = 'org.freedesktop.DBus';

export class Transport extends EventEmitter<{ message: [IncomingMessage] }> {
  /** Resolves when the connection has ended: with undefined after end(), otherwise with what ended it. */
  readonly closed: Promise<Error | undefined>;
  readonly #socket: Duplex;
  /** Serial of each call that is not answered yet → who was asked. */
  readonly #asked = new Map<number, string | undefined>();
  #greeted = false;
  #reason: Error | undefined;
  #ending = false;

  constructor(socket: Duplex) {
    super();
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve(this.#ending ? undefined : (this.#reason ?? disconnected('the bus closed the connection')));
      });
    });
    socket.on('error', (error) => {
      this.#reason ??= disconnected(`the connection to the bus failed: ${error.message}`, error);
    });
    this.#read();
  }

  /** Called by MessageBus. Dropped when the connection has ended. @throws EncodeError */
  message(message: Message): void {
    const bytes = encodeMessage(message, message.body, maxOutgoing);
    if (this.#socket.destroyed) return;
    const expectsReply = message.type === messageType.call && !(message.flags & messageFlag.noReplyExpected);
    if (expectsReply) this.#asked.set(message.serial, message.destination);
    this.#socket.write(bytes);
  }

  /** Resolves when everything sent so far has been handed to the kernel, or can no longer be. */
  flush(): Promise<void> {
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.write('', () => {
        resolve();
      });
    });
  }

  /** Ends the connection after what has been sent. */
  end(): void {
    this.#ending = true;
    this.#socket.end();
  }

  /** Ends the connection at once. */
  fail(reason: Error): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  #read(): void {
    const framer = messageFramer({
      keepBody: (message, size) => this.#wanted(message) && (size <= maxUnasked || isReply(message)),
      onMessage: (message) => {
        if (!this.#wanted(message)) return;
        if (isReply(message)) this.#asked.delete(message.replySerial ?? 0);
        if (this.#greeted || this.#greet(message)) this.emit('message', message);
      },
    });
    this.#socket.on('readable', () => {
      try {
        for (let chunk: unknown; (chunk = this.#socket.read()) !== null;) framer(chunk as Buffer);
      } catch (error) {
        this.fail(disconnected('the bus sent something that is not D-Bus', error));
      }
    });
  }

  /** The first message answers Hello. An error there makes dbus-next throw where nobody can catch it. */
  #greet(message: IncomingMessage): boolean {
    this.#greeted = message.type === messageType.return;
    if (!this.#greeted)
      this.fail(disconnected(`the bus does not want us: ${message.errorName ?? 'no greeting'}`));
    return this.#greeted;
  }

  /** Replies nobody asked for and types of message that we do not know are to be ignored. */
  #wanted(message: IncomingMessage): boolean {
    if (!isReply(message)) return message.type === messageType.call || message.type === messageType.signal;
    const { replySerial, sender } = message;
    if (replySerial === undefined || !this.#asked.has(replySerial)) return false;
    const asked = this.#asked.get(replySerial);
    const exact = asked !== undefined && (asked.startsWith(':') || asked === busDriver);
    // the bus itself answers for those who have left or may not be asked
    return !exact || sender === asked || sender === busDriver;
  }
}

/**
 * Connects and authenticates (mechanism EXTERNAL: by user id) to the first of the addresses that answers.
 * @param signal gives up, with its reason
 * @throws BusError Disconnected, AddressError
 */
export async function openTransport(addresses: string, signal: AbortSignal): Promise<Transport> {
  let failure: unknown;
  for (const address of parseAddresses(addresses)) {
    try {
      const socket = await openStream(address, signal);
      return new Transport(socket);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function openStream(address: Address, signal: AbortSignal): Promise<Duplex> {
  signal.throwIfAborted();
  const program = programOf(address);
  const stream = program === undefined ? connect(socketPath(address)) : await runProgram(program);
  const where = program === undefined ? `the bus at '${socketPath(address).replace('\0', '@')}'` : program[0];
  const giveUp = (): void => {
    stream.destroy(signal.reason as Error);
  };
  signal.addEventListener('abort', giveUp);
  try {
    if (program === undefined)
      await settled(stream, `cannot connect to ${where}`, (done) => stream.once('connect', done));
    await settled(stream, `cannot authenticate to ${where}`, (done) => {
      handshake(stream, { authMethods: ['EXTERNAL'] }, done);
    });
    return stream;
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

async function runProgram(program: readonly [string, ...string[]]): Promise<Duplex> {
  const { programStream } = await import('./program-stream.ts'); // late: few connections are made so
  return programStream(program);
}

/** Waits for `start` to call back without an error, as long as the socket lives. */
function settled(
  socket: Duplex,
  failing: string,
  start: (done: (error?: unknown) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: unknown): void => {
      socket.off('error', finish).off('close', onClose);
      if (!error) resolve();
      else if (error instanceof BusError) reject(error);
      else reject(disconnected(`${failing}: ${messageOf(error)}`, error));
    };
    const onClose = (): void => {
      finish(new Error('it closed the connection'));
    };
    socket.on('error', finish).on('close', onClose);
    start(finish);
  });
}

function isReply(message: IncomingMessage): boolean {
  return message.type === messageType.return || message.type === messageType.error;
}
