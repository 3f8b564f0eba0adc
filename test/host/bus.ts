/**
 * D-Bus calls into a host, with exact replies. The client is a process inside the host (systemd-stdio-bridge), so
 * that bus, daemon and polkit see its real user and process id; dbus-next talks through it.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import dbus, { type MessageBus, type MessageFlag } from 'dbus-next';
import { enterCommand, type Entrance } from './enter.ts';

/** Who connects to which bus. */
export interface BusOptions {
  /** The user the client runs as; 0 unless given. */
  readonly uid?: number;
  /** `user`: the bus of that user's own service manager (needs `loginctl enable-linger`); `system` unless given. */
  readonly scope?: 'system' | 'user';
}

/** A method call; fields of the portable service are filled in where left out. */
export interface BusCall {
  readonly member: string;
  /** Default: org.freedesktop.portable1, or org.freedesktop.portable1.Manager; null sends no interface field. */
  readonly interface?: string | null;
  readonly path?: string;
  readonly destination?: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
  readonly flags?: MessageFlag;
}

/** A reply: the body with its signature, or the error's name and message. */
export type BusReply =
  | { readonly ok: true; readonly signature: string; readonly body: readonly unknown[] }
  | { readonly ok: false; readonly error: string; readonly message: string };

/** A connection to a bus in a host. */
export interface HostBus {
  /** For everything that call() does not do. */
  readonly bus: MessageBus;
  /** Sends a call and returns the reply, an error reply as a value. */
  call(call: BusCall): Promise<BusReply>;
  /** The body of the reply; throws the error reply. */
  get(call: BusCall): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

/** Opens a connection to a bus of the host. */
export async function openHostBus(entrance: Entrance, options: BusOptions = {}): Promise<HostBus> {
  const dir = await mkdtemp(path.join(tmpdir(), 'host-bus-'));
  const socket = path.join(dir, 'bus');
  const uid = options.uid ?? 0;
  // by its address: with --user, the bridge of systemd 252 goes to the system's bus
  const which = options.scope === 'user' ? `--bus-path=unix:path=/run/user/${uid}/bus` : '--system';
  const [program, ...args] = enterCommand(entrance, { uid }, ['systemd-stdio-bridge', which]);
  const server = net.createServer((client) => {
    const bridge = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    client.pipe(bridge.stdin);
    bridge.stdout.pipe(client);
    const end = (): void => {
      client.destroy();
      bridge.kill('SIGKILL');
    };
    bridge.on('exit', end).on('error', end);
    bridge.stdin.on('error', end);
    client.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
  const bus = dbus.sessionBus({ busAddress: `unix:socket=${socket}` });
  await new Promise<void>((resolve, reject) => {
    bus.once('connect', resolve);
    bus.once('error', reject);
  });
  await rm(dir, { recursive: true });
  const call = (request: BusCall): Promise<BusReply> => send(bus, request);
  return {
    bus,
    call,
    get: async (request) => {
      const reply = await call(request);
      if (reply.ok) return reply.body;
      throw new Error(`${request.member}: ${reply.error}: ${reply.message}`);
    },
    close: async () => {
      bus.disconnect();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function send(bus: MessageBus, call: BusCall): Promise<BusReply> {
  const message = new dbus.Message({
    destination: call.destination ?? 'org.freedesktop.portable1',
    path: call.path ?? '/org/freedesktop/portable1',
    ...(call.interface === null ? {} : { interface: call.interface ?? 'org.freedesktop.portable1.Manager' }),
    member: call.member,
    signature: call.signature ?? '',
    body: [...(call.body ?? [])],
    ...(call.flags === undefined ? {} : { flags: call.flags }),
  });
  try {
    const reply = await bus.call(message);
    return { ok: true, signature: reply?.signature ?? '', body: reply?.body ?? [] };
  } catch (error) {
    if (!(error instanceof dbus.DBusError)) throw error;
    return { ok: false, error: error.type, message: error.text };
  }
}
