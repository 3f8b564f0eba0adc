/**
 * The connection below dbus-next's MessageBus: a socket, with our own authentication, framing, decoder and encoder in
 * place of dbus-next's, because
 * - its handshake waits for every answer, and takes them byte by byte;
 * - its reader decodes every body, in an event handler: type `h` in any message is an uncaught exception, 32 MiB
 *   of `av` are gigabytes, and a big-endian sender's 64-bit numbers come out wrong;
 * - its writer takes 0.4 s and 100 MB for a reply with a 1 MiB byte array;
 * - it tells nobody when the bus goes away.
 * The seam is MessageBus's constructor, which takes any object with "message" events and a message() method.
 */
import { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getSystemErrorMap } from 'node:util';
import type { Message } from 'dbus-next/lib/message-type.js';
import { messageOf } from '../base/errors.ts';
import { parseAddresses, programOf, socketPath, type Address } from './address.ts';
import { answerReader, authentication } from './authentication.ts';
import { BusError, disconnected } from './bus-error.ts';
import { messageFramer } from './framing.ts';
import { encodeMessage, messageFlag, messageType, type IncomingMessage } from './message.ts';

/** What a message of ours may weigh; more breaks the connection (dbus-daemon's limit on the system bus). In bytes. */
const maxOutgoing = 32 * 1024 * 1024;
/** What is read at a time, in bytes: as much as Node would. */
const readAtOnce = 64 * 1024;
/** What we keep of what others send us unasked: thousands of paths, not a flood. In bytes. */
const maxUnasked = 1024 * 1024;
const busDriver = 'org.freedesktop.DBus';

/** Hands everything that arrives to `take`, which does not keep it. */
type Source = (take: (chunk: Buffer) => void) => void;

export class Transport extends EventEmitter<{ message: [IncomingMessage] }> {
  /** Resolves when the connection has ended: with undefined after end(), otherwise with what ended it. */
  readonly closed: Promise<Error | undefined>;
  readonly #socket: Duplex;
  /** Serial of each call that is not answered yet → who was asked. */
  readonly #asked = new Map<number, string | undefined>();
  #greeted = false;
  #reason: Error | undefined;
  #ending = false;

  /**
   * Authenticates; messages can be sent at once.
   * @param socket connected
   * @param where what it is connected to, for error messages
   * @param source what comes from it
   */
  constructor(socket: Duplex, where: string, source: Source) {
    super();
    this.#socket = socket;
    // what is sent in the same go goes with it
    socket.cork();
    socket.write(authentication);
    process.nextTick(() => {
      socket.uncork();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve(this.#ending ? undefined : (this.#reason ?? disconnected('the bus closed the connection')));
      });
    });
    socket.on('error', (error) => {
      const known = error instanceof BusError;
      this.#reason ??= known
        ? error
        : disconnected(`the connection to the bus failed: ${error.message}`, error);
    });
    this.#read(source, where);
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

  #read(source: Source, where: string): void {
    const framer = messageFramer({
      keepBody: (message, size) => this.#wanted(message) && (size <= maxUnasked || isReply(message)),
      onMessage: (message) => {
        if (!this.#wanted(message)) return;
        if (isReply(message)) this.#asked.delete(message.replySerial ?? 0);
        if (this.#greeted || this.#greet(message)) this.emit('message', message);
      },
    });
    const answer = answerReader();
    let letIn = false;
    source((chunk) => {
      try {
        const bytes = letIn ? chunk : answer(chunk);
        letIn = bytes !== undefined;
        if (bytes !== undefined) framer(bytes);
      } catch (error) {
        const what = letIn ? 'the bus sent something that is not D-Bus' : `${where} does not let us in`;
        this.fail(disconnected(letIn ? what : `${what}: ${messageOf(error)}`, error));
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
 * Connects to the first of the addresses that can be connected to.
 * Connecting to a Unix socket takes no time worth limiting: somebody listens, or it fails.
 * @throws BusError Disconnected, AddressError
 */
export async function openTransport(addresses: string): Promise<Transport> {
  let failure: unknown;
  for (const address of parseAddresses(addresses)) {
    try {
      return await openAddress(address);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function openAddress(address: Address): Promise<Transport> {
  const program = programOf(address);
  if (program !== undefined) {
    const stream = await runProgram(program);
    return new Transport(stream, program[0], (take) => void stream.on('data', take));
  }
  const path = socketPath(address);
  const where = `the bus at '${path.replace('\0', '@')}'`;
  // one buffer for all that ever comes, and no stream around it: a new one for each message costs a tenth of a short call
  const buffer = Buffer.allocUnsafeSlow(readAtOnce);
  let take: (chunk: Buffer) => void = () => undefined; // nothing comes before we have said who we are
  const callback = (size: number): boolean => {
    take(buffer.subarray(0, size));
    return true;
  };
  const socket = connect({ path, onread: { buffer, callback } });
  await connected(socket, where);
  return new Transport(socket, where, (taker) => {
    take = taker;
  });
}

async function runProgram(program: readonly [string, ...string[]]): Promise<Duplex> {
  const { programStream } = await import('./program-stream.ts'); // late: few connections are made so
  return programStream(program);
}

function connected(socket: Socket, where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      reject(disconnected(`cannot connect to ${where}: ${reasonOf(error)}`, error));
    };
    socket.once('error', failed).once('connect', () => {
      socket.off('error', failed);
      resolve();
    });
  });
}

/** The system's words for a failed call, without Node's. */
function reasonOf(error: Error): string {
  const errno = 'errno' in error ? error.errno : undefined;
  const [, reason] = (typeof errno === 'number' ? getSystemErrorMap().get(errno) : undefined) ?? [];
  return reason ?? error.message;
}

function isReply(message: IncomingMessage): boolean {
  return message.type === messageType.return || message.type === messageType.error;
}
