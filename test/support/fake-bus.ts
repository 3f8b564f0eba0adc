/** The other end of a connection, played by the test: a bus that does as it is told. */
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after } from 'node:test';
import { messageFramer } from '../../src/dbus/framing.ts';
import { encodeMessage, messageType, type Header, type IncomingMessage } from '../../src/dbus/message.ts';
import { scratchDirectory } from './scratch.ts';

export interface FakeBusPeer {
  /** Sends a message as if from `sender`; the bus driver by default. */
  send(header: Partial<Header>, body?: readonly unknown[]): void;
  sendBytes(bytes: Buffer): void;
  hangUp(): void;
}

/**
 * Listens for one kind of client, authenticates everybody, and hands every message to `onMessage`.
 * @returns the address
 */
export async function startFakeBus(
  onMessage: (message: IncomingMessage, peer: FakeBusPeer) => void,
  greeting = 'OK 0123456789abcdef0123456789abcdef\r\n',
): Promise<string> {
  const path = join(scratchDirectory('fake-bus'), 'socket');
  const server = createServer((socket) => {
    converse(socket, greeting, onMessage);
  });
  after(() => server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return `unix:path=${path}`;
}

/** Answers Hello the way a bus does. @returns whether it was one */
export function answerHello(message: IncomingMessage, peer: FakeBusPeer): boolean {
  if (message.member !== 'Hello') return false;
  peer.send({ type: messageType.return, replySerial: message.serial, signature: 's' }, [':1.1']);
  return true;
}

function converse(
  socket: Socket,
  greeting: string,
  onMessage: (message: IncomingMessage, peer: FakeBusPeer) => void,
): void {
  let serial = 1;
  const peer: FakeBusPeer = {
    send: (header, body = []) => {
      const all = {
        type: messageType.signal,
        flags: 0,
        serial: serial++,
        signature: '',
        sender: 'org.freedesktop.DBus',
      };
      peer.sendBytes(encodeMessage({ ...all, destination: ':1.1', ...header }, body));
    },
    sendBytes: (bytes) => {
      socket.write(bytes);
    },
    hangUp: () => {
      socket.destroy();
    },
  };
  const feed = messageFramer({ keepBody: () => true, onMessage: (message) => onMessage(message, peer) });
  let greeted = false;
  socket.on('error', () => undefined);
  socket.on('data', (data) => {
    if (greeted) {
      feed(data);
      return;
    }
    const text = data.toString('latin1');
    if (text.includes('AUTH')) socket.write(greeting);
    const begin = text.indexOf('BEGIN\r\n');
    if (begin < 0) return;
    greeted = true;
    feed(data.subarray(begin + 'BEGIN\r\n'.length));
  });
}
