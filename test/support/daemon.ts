/** The daemon as it is installed, bundled from the sources as they are now, run by tests on buses of their own. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BusConnection } from '../../src/dbus/connection.ts';
import { bundle } from '../../src/install/bundle.ts';
import { daemon } from '../../src/install/names.ts';
import { scratchDirectory } from './scratch.ts';

export const busName = 'org.freedesktop.portable1';
export const manager = {
  destination: busName,
  path: '/org/freedesktop/portable1',
  interface: 'org.freedesktop.portable1.Manager',
} as const;

/** Bundles the daemon. @returns the words that start it */
export async function bundledDaemon(): Promise<readonly [string, ...string[]]> {
  const directory = scratchDirectory('bundle');
  await bundle(directory);
  return [process.execPath, join(directory, daemon.loader)];
}

export interface RunningDaemon {
  readonly pid: number;
  /** Resolves when it has ended: exit code, or the signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** What it said on standard error so far. */
  stderr(): string;
  stdout(): string;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a program; it is killed at the end of the suite if it still runs. */
export function start(
  [program, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
): RunningDaemon {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: '/root', ...env },
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
  }
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? -1));
  });
  after(() => child.kill('SIGKILL'));
  return {
    pid: child.pid ?? -1,
    ended,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    kill: (signal) => child.kill(signal),
  };
}

/** A host root with a configuration. */
export function sandboxRoot(config = ''): string {
  const root = scratchDirectory('root');
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/portabled.conf'), config);
  return root;
}

/** A directory image in the pool of a root, with so many units, each of so many bytes. */
export function poolImage(root: string, name: string, units: number, bytes = 100): void {
  const at = join(root, 'var/lib/portables', name);
  const files = new Map([['usr/lib/os-release', `ID=${name}\n`]]);
  const filler = `#${'x'.repeat(bytes)}\n`;
  for (let i = 0; i < units; i++) {
    files.set(`usr/lib/systemd/system/${name}-${i}.service`, `[Service]\nExecStart=/bin/true\n${filler}`);
  }
  for (const [file, content] of files) {
    mkdirSync(dirname(join(at, file)), { recursive: true });
    writeFileSync(join(at, file), content);
  }
}

/** Waits until the name is on the bus, or no longer. */
export async function waitForName(connection: BusConnection, there = true): Promise<void> {
  const end = performance.now() + 30_000;
  while (performance.now() < end) {
    const reply = await connection.call({ ...driver, member: 'NameHasOwner' }, 's', [busName]);
    if (reply.values('b')[0] === there) return;
    await sleep(10);
  }
  throw new Error(`the name did not ${there ? 'come' : 'go'}`);
}

const driver = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;
