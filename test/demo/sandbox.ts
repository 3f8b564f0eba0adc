/** A private bus and a daemon on it whose root is a directory. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryRunSync } from '../support/run.ts';
import { command } from './show.ts';

export interface Sandbox {
  /** D-Bus address. */
  readonly address: string;
  stop(): Promise<void>;
}

const top = path.resolve(import.meta.dirname, '../..');
const daemon = path.join(top, 'dist/portabled/portabled.cjs');

export async function startSandbox(scratch: string, root: string): Promise<Sandbox> {
  const address = `unix:path=${path.join(scratch, 'bus')}`;
  mkdirSync(path.join(root, 'usr/lib/systemd/portable'), { recursive: true });
  cpSync(path.join(top, 'systemd/profile'), path.join(root, 'usr/lib/systemd/portable/profile'), {
    recursive: true,
  });
  const children: ChildProcess[] = [];
  const start = (program: string, args: readonly string[]): void => {
    children.push(
      spawn(program, args, { stdio: ['ignore', 'ignore', program === 'dbus-daemon' ? 'ignore' : 'inherit'] }),
    );
  };
  start('dbus-daemon', ['--session', `--address=${address}`, '--nofork', '--nopidfile']);
  await until(() => busctl(address, 'list'));
  command('portabled --bus unix:path=… --root sandbox &');
  start(process.execPath, [daemon, '--bus', address, '--root', root]);
  const name = 'org.freedesktop.portable1';
  // not "busctl status": in some containers it fails to look at the process behind a name
  await until(() =>
    busctl(address, 'call', name, `/${name.replaceAll('.', '/')}`, 'org.freedesktop.DBus.Peer', 'Ping'),
  );
  return {
    address,
    stop: async () => {
      for (const child of children.reverse()) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
    },
  };
}

function busctl(address: string, ...args: string[]): boolean {
  return tryRunSync('busctl', [`--address=${address}`, ...args]).status === 0;
}

const patienceMs = 10_000;

async function until(ready: () => boolean): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!ready()) {
    if (Date.now() > end) throw new Error('the sandbox did not come up');
    await sleep(50);
  }
}
