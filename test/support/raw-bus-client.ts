/** A client that says what it likes: its own bytes on a bus connection, after the usual greeting. */
import { connect as connectSocket, type Socket } from 'node:net';
import { messageFramer } from '../../src/dbus/framing.ts';
import { encodeMessage, messageType, type Header, type IncomingMessage } from '../../src/dbus/message.ts';

export class RawBusClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (reply: IncomingMessage) => void>();
  #serial = 1;
  /** Messages that answer nothing. */
  readonly others: IncomingMessage[] = [];
  uniqueName = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** @param path of the bus's socket */
  static async connect(address: string): Promise<RawBusClient> {
    const path = /path=([^,;]+)/.exec(address)?.[1] ?? '';
    const socket = connectSocket(path);
    const client = new RawBusClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      const uid = Buffer.from(String(process.getuid?.())).toString('hex');
      socket.write(`\0AUTH EXTERNAL ${uid}\r\n`);
      socket.once('data', () => {
        socket.write('BEGIN\r\n');
        resolve();
      });
    });
    const feed = messageFramer({ keepBody: () => true, onMessage: (message) => client.#receive(message) });
    socket.on('data', feed);
    const hello = await client.call({ destination: 'org.freedesktop.DBus', path: '/', member: 'Hello' });
    client.uniqueName = hello.values('s')[0];
    return client;
  }

  /** The next number for a message of one's own making. */
  serial(): number {
    return this.#serial++;
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Sends a message; missing fields are those of a call without arguments. */
  sendMessage(header: Partial<Header>, body: readonly unknown[] = []): number {
    const serial = this.serial();
    this.send(encodeMessage({ type: messageType.call, flags: 0, serial, signature: '', ...header }, body));
    return serial;
  }

  /** Calls, and waits for the reply or error. @throws when none comes in time */
  call(header: Partial<Header>, body: readonly unknown[] = []): Promise<IncomingMessage> {
    return this.replyTo(this.sendMessage(header, body));
  }

  replyTo(serial: number, timeoutMs = 10_000): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no reply to message ${serial}`));
      }, timeoutMs);
      this.#waiting.set(serial, (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(message: IncomingMessage): void {
    const answered = message.replySerial === undefined ? undefined : this.#waiting.get(message.replySerial);
    if (answered === undefined) this.others.push(message);
    else answered(message);
  }
}
