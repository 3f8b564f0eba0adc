/** A real polkitd on a test's bus, with our actions and the test's rules. Needs root: it gets a mount namespace. */
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BusConnection } from '../../src/dbus/connection.ts';
import type { PrivateBus } from './private-bus.ts';

const policy = fileURLToPath(new URL('../../dbus/org.freedesktop.portable1.policy', import.meta.url));
const program = '/usr/lib/polkit-1/polkitd';

/** Puts two directories in place of the machine's and becomes polkitd. */
const script = `mount --bind "$1" /usr/share/polkit-1/actions &&
mount --bind "$2" /etc/polkit-1/rules.d &&
exec ${program} --no-debug`;

export interface Polkitd {
  stop(): Promise<void>;
}

/**
 * Starts polkitd and waits until it has its name. To be stopped by who started it.
 * @param rules JavaScript (polkit(8))
 * @param observer somebody on the bus
 */
export async function startPolkitd(
  bus: PrivateBus,
  rules: string,
  observer: BusConnection,
): Promise<Polkitd> {
  const [actionDirectory, ruleDirectory] = ['actions', 'rules'].map((name) => join(bus.directory, name)) as [
    string,
    string,
  ];
  for (const directory of [actionDirectory, ruleDirectory]) {
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o755);
  }
  copyFileSync(policy, join(actionDirectory, 'org.freedesktop.portable1.policy'));
  writeFileSync(join(ruleDirectory, '10-test.rules'), rules, { mode: 0o644 });
  const args = ['--mount', '--propagation=private', 'sh', '-c', script, 'sh', actionDirectory, ruleDirectory];
  const child = spawn('unshare', args, {
    env: { PATH: process.env['PATH'], DBUS_SYSTEM_BUS_ADDRESS: bus.address },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = (): Promise<void> => {
    child.kill();
    return ended;
  };
  const name = 'org.freedesktop.PolicyKit1';
  while (!(await hasOwner(observer, name))) {
    if (child.exitCode !== null) throw new Error(`polkitd ended with ${child.exitCode}`);
    await sleep(20);
  }
  return {
    stop: async () => {
      await stop();
      while (await hasOwner(observer, name)) await sleep(5);
    },
  };
}

async function hasOwner(observer: BusConnection, name: string): Promise<boolean> {
  const method = {
    destination: 'org.freedesktop.DBus',
    path: '/',
    interface: 'org.freedesktop.DBus',
    member: 'NameHasOwner',
  };
  return (await observer.call(method, 's', [name])).values('b')[0];
}
