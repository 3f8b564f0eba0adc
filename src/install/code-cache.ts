/**
 * Makes the code caches of an installed bundle, with the very Node and flags that will run it: the daemon is started on
 * a bus of its own, in an empty sandbox, and led through what daemons do most, at last by the client; portabled-dissect looks at an image of it.
 */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outputFile, remove } from 'fs-extra/esm';
import { execa } from 'execa';

import { connect, type BusConnection } from '../dbus/connection.ts';
import * as programs from './names.ts';

const portable = 'org.freedesktop.portable1';
const managerPath = '/org/freedesktop/portable1';

/** How long we wait for a step of this; a Node that takes longer gets no cache. */
const timeoutMs = 20_000;

/**
 * Writes a cache beside every chunk that the rounds load.
 * @param node the program to run the daemon with
 * @param bundle directory of the bundle, with chunks below it
 * @param signal gives up; no process and no file of it is left then
 * @throws Error when the bus or the daemon do not start, or it was given up; what was there before stays
 */
export async function writeCodeCaches(node: string, bundle: string, signal: AbortSignal): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'portabled-install-'));
  const until = new AbortController();
  const cancelSignal = AbortSignal.any([until.signal, signal]);
  const children: Child[] = [];
  const run: Run = (program, args, env = {}) => {
    cancelSignal.throwIfAborted();
    const child = execa(program, args, { ...quiet, env, cancelSignal });
    children.push(child);
    return child;
  };
  try {
    await Promise.race([train(run, node, bundle, directory), given(signal)]);
  } finally {
    until.abort();
    await Promise.all(children);
    await remove(directory);
  }
}

type Child = PromiseLike<{ readonly exitCode?: number; readonly stderr: string }> & {
  kill(signal: NodeJS.Signals): boolean;
};
/** Starts a program that ends with us at the latest. */
type Run = (program: string, args: readonly string[], env?: Readonly<Record<string, string>>) => Child;

/** @throws what the signal was given with, once it is */
function given(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** @param directory an empty one */
async function train(run: Run, node: string, bundle: string, directory: string): Promise<void> {
  const [root, address] = [join(directory, 'root'), `unix:path=${join(directory, 'bus')}`];
  await mkdir(root);
  const bus = run('dbus-daemon', ['--session', '--nofork', '--nopidfile', `--address=${address}`]);
  const client = await Promise.race([
    retry(() => connect({ address, timeoutMs: 1000 })),
    ended(bus, 'dbus-daemon'),
  ]);
  const args = [join(bundle, programs.daemon.train), '--bus', address, '--root', root];
  const daemon = run(node, args);
  await Promise.race([rounds(client, root), ended(daemon, 'the daemon')]);
  const trainer = async (
    program: programs.TrainedProgram,
    words: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<void> => {
    const { exitCode, stderr } = await run(node, [join(bundle, program.train), ...words], env);
    if (exitCode !== 0) throw new Error(`${[program.loader, ...words].join(' ')} fails here: ${stderr}`);
  };
  for (const words of commands) await trainer(programs.client, words, { DBUS_SYSTEM_BUS_ADDRESS: address });
  for (const words of [['--help'], [join(root, 'var/lib/portables/warmup')]])
    await trainer(programs.dissect, words);
  daemon.kill('SIGTERM');
  const { exitCode, stderr } = await daemon;
  if (exitCode !== 0) throw new Error(`the daemon ended with status ${String(exitCode)}: ${stderr}`);
  await client.close();
}

/** What people type, the commonest last: what a chunk has compiled then is what is kept. */
const commands = [
  ['--help'],
  ['inspect', 'warmup'],
  ['attach', '--runtime', '--no-reload', 'warmup'],
  ['reattach', '--runtime', '--no-reload', 'warmup'],
  ['is-attached', 'warmup'],
  ['detach', '--runtime', '--no-reload', 'warmup'],
  ['list'],
];

/** Failures are looked at here, not thrown; what the processes print goes into the error. */
const quiet = { stdin: 'ignore', stdout: 'ignore', reject: false, timeout: timeoutMs } as const;

async function ended(child: PromiseLike<{ readonly stderr: string }>, what: string): Promise<never> {
  const { stderr } = await child;
  throw new Error(`${what} does not run here: ${stderr.trim()}`);
}

/** What daemons are asked most, so that it is fast: listing, and with an image everything from inspection to detach. */
async function rounds(client: BusConnection, root: string): Promise<void> {
  const image = await makeImage(root);
  const call = (iface: string, member: string, signature: string, args: readonly unknown[]) =>
    client.call(
      { destination: portable, path: managerPath, interface: iface, member },
      signature,
      args as never,
    );
  const manager = `${portable}.Manager`;
  await retry(() => call('org.freedesktop.DBus.Peer', 'Ping', '', []));
  await call('org.freedesktop.DBus.Introspectable', 'Introspect', '', []);
  await call('org.freedesktop.DBus.Properties', 'Get', 'ss', [manager, 'PoolPath']);
  await call('org.freedesktop.DBus.Properties', 'GetAll', 's', [manager]);
  for (let round = 0; round < 2; round++) {
    await call(manager, 'ListImages', '', []);
    await call(manager, 'GetImageMetadata', 'sas', [image, []]);
    await call(manager, 'AttachImage', 'sassbs', [image, [], '', true, '']);
    await call(manager, 'GetImageState', 's', [image]);
    await call(manager, 'DetachImage', 'sb', [image, true]);
  }
}

/** A directory image as small as they get, and the profile that the client chooses. @returns its name */
async function makeImage(root: string): Promise<string> {
  const image = 'var/lib/portables/warmup/usr/lib';
  const files = {
    [`${image}/os-release`]: 'ID=portabled\nVERSION_ID=1\n',
    [`${image}/systemd/system/warmup.service`]: '[Service]\nExecStart=/bin/true\n',
    'etc/systemd/portable/profile/default/service.conf': '[Service]\n',
  };
  for (const [path, content] of Object.entries(files)) await outputFile(join(root, path), content);
  return 'warmup';
}

async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
