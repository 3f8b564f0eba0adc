/**
 * Boots a complete Debian system (its own PID 1, buses, polkit, portablectl and systemd-portabled) next to the
 * build machine's, in about two seconds, and runs commands and D-Bus calls in it.
 */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { hostTree } from './bootstrap.ts';
import { openHostBus, type BusOptions, type HostBus } from './bus.ts';
import { addLoopNodes, ownFileSystems } from './devices.ts';
import { enterCommand, makeEntrance, type Entrance } from './enter.ts';
import { makeCgroups, writeLaunchScript, type Bind } from './launch.ts';
import { findLeader, isAlive } from './processes.ts';
import type { HostSettings, Suite } from './settings.ts';
import { identity, removeHost, sweepStaleHosts, writeRecord, type HostRecord } from './sweep.ts';
import { ensureTools } from './tools.ts';

/** How to boot a host. */
export interface BootOptions extends HostSettings {
  readonly suite: Suite;
  /** Debian packages to have installed besides the standard ones (a tree with them is cached). */
  readonly packages?: readonly string[];
  /** Files and directories of this machine that the host sees; node is always there as /usr/local/bin/node. */
  readonly binds?: readonly Bind[];
  /** Called with the directory laid over the tree, before boot: files put there are the host's files. */
  readonly prepare?: (overlay: string) => Promise<void>;
}

/** How to run a command. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Milliseconds, default one minute; a command that takes longer is an error. */
  readonly timeout?: number;
}

/** What a command gave. */
export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  /** -1 when a signal ended it. */
  readonly exitCode: number;
}

/** The one unprivileged user every host has. */
export const tester = { name: 'tester', uid: 1000, home: '/home/tester' } as const;

/** A running host. */
export interface Host {
  readonly suite: Suite;
  readonly name: string;
  /** Process id, on this machine, of the host's PID 1. */
  readonly leader: number;
  /** A file of the host as this machine sees it. Beware: absolute links on the way lead into this machine's files. */
  path(inside: string): string;
  /** Runs a command as root; a failing command is a result, not an exception. */
  run(command: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs a command as another user, without capabilities and supplementary groups. */
  runAs(uid: number, command: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs a command as root and returns what it printed; throws with its output when it fails. */
  check(command: readonly string[], options?: RunOptions): Promise<string>;
  /** Connects to a bus of the host, by default to the system bus as root. */
  bus(options?: BusOptions): Promise<HostBus>;
  /** Writes a file (mode 0644 unless given), making the directories on the way. */
  write(file: string, content: string | Uint8Array, mode?: number): Promise<void>;
  /** A file as UTF-8 text. */
  read(file: string): Promise<string>;
  /** Copies a file or directory of this machine into the host, with owners, modes, xattrs and links. */
  copyIn(from: string, to: string): Promise<void>;
  /** Ends everything that runs in the host and removes it without trace. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Boots a host and waits until its boot is finished. Hosts of test runs that crashed are removed on the way. Needs
 * root. The host dies with this process whatever happens; call stop() to remove its files as well.
 */
export async function bootHost(options: BootOptions): Promise<Host> {
  await ensureTools('systemd-nspawn', 'nsenter', 'script', 'losetup');
  await sweepStaleHosts(options);
  const lower = await hostTree(options, options.suite, options.packages);
  await mkdir(options.runRoot, { recursive: true });
  const dir = await mkdtemp(path.join(await realpath(options.runRoot), `${options.suite}-`));
  let record: HostRecord = { owner: await identity(process.pid), cgroups: [], fileSystems: [] };
  await writeRecord(dir, record);
  const note = async (more: Partial<HostRecord>): Promise<void> => {
    record = { ...record, ...more };
    await writeRecord(dir, record);
  };
  try {
    const leader = await start(options, lower, dir, note);
    const entrance = await makeEntrance(leader, record.cgroups);
    const host = hostApi(options.suite, path.basename(dir), entrance, async () => {
      // file systems that were mounted since (images' own state, tmpfs of services) count too
      await note({ fileSystems: await ownFileSystems(leader).catch(() => record.fileSystems) });
      await removeHost(dir, record);
    });
    await waitUntilBooted(host, dir);
    return host;
  } catch (error) {
    const console = await readFile(path.join(dir, 'console.log'), 'utf8').catch(() => '');
    await removeHost(dir, record);
    const why = error instanceof Error ? error.message : String(error);
    // the test runner prints no causes
    throw new Error(
      `host ${options.suite} does not boot: ${why}\nIts console ends:\n${console.slice(-3000)}`,
      {
        cause: error,
      },
    );
  }
}

/** Starts the host's processes and returns its PID 1 as soon as it is there, with its loop devices in place. */
async function start(
  options: BootOptions,
  lower: string,
  dir: string,
  note: (more: Partial<HostRecord>) => Promise<void>,
): Promise<number> {
  for (const name of ['upper', 'work', 'root']) await mkdir(path.join(dir, name));
  const overlay = path.join(dir, 'upper');
  await furnish(overlay, lower);
  await options.prepare?.(overlay);
  const name = path.basename(dir);
  const cgroups = await makeCgroups(`portabled-${name}`);
  await note({ cgroups });
  const binds = [{ from: process.execPath, to: '/usr/local/bin/node' }, ...(options.binds ?? [])];
  const [program, ...args] = await writeLaunchScript({ name, lower, dir, binds, cgroups });
  const child = execa(program, args, { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore', reject: false });
  if (child.pid === undefined) throw new Error('cannot start unshare(1)');
  const top = await identity(child.pid);
  await note({ top });
  const leader = await poll(10_000, 'systemd-nspawn to start PID 1', async () => {
    if (!(await isAlive(top.pid, top.started))) throw new Error('systemd-nspawn failed');
    return await findLeader(top.pid);
  });
  await addLoopNodes(leader, path.join(options.runRoot, '.nodes'));
  await note({ fileSystems: await ownFileSystems(leader) });
  return leader;
}

/** Units that only cost time, or fail, in a container. */
const masked = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'console-getty.service',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'ldconfig.service',
  'systemd-journal-catalog-update.service',
  'systemd-modules-load.service',
  'systemd-update-done.service',
];

/** What every host has besides its tree: an identity, the test user, no needless units. */
async function furnish(overlay: string, lower: string): Promise<void> {
  const etc = path.join(overlay, 'etc');
  await mkdir(path.join(etc, 'systemd/system'), { recursive: true });
  await writeFile(path.join(etc, 'machine-id'), `${randomBytes(16).toString('hex')}\n`);
  const lines = {
    passwd: `${tester.name}:x:${tester.uid}:${tester.uid}::${tester.home}:/bin/sh\n`,
    group: `${tester.name}:x:${tester.uid}:\n`,
    shadow: `${tester.name}:!:20000:0:99999:7:::\n`,
  };
  for (const [file, line] of Object.entries(lines)) {
    await cp(path.join(lower, 'etc', file), path.join(etc, file), { preserveTimestamps: true });
    await writeFile(path.join(etc, file), line, { flag: 'a' });
  }
  await execa('install', [
    '-d',
    '-m',
    '700',
    '-o',
    `${tester.uid}`,
    '-g',
    `${tester.uid}`,
    overlay + tester.home,
  ]);
  for (const unit of masked) await symlink('/dev/null', path.join(etc, 'systemd/system', unit));
}

/** Waits for the end of the boot; a host in which some unit failed is still a host. */
async function waitUntilBooted(host: Host, dir: string): Promise<void> {
  const init = await identity(host.leader);
  await poll(60_000, `the boot of ${dir}`, async () => {
    if (!(await isAlive(init.pid, init.started))) throw new Error('PID 1 died');
    const { stdout } = await host.run(['systemctl', 'is-system-running']);
    return ['running', 'degraded'].includes(stdout.trim()) ? true : undefined;
  });
}

async function poll<T>(timeout: number, what: string, probe: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + timeout;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`waited ${timeout} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function hostApi(suite: Suite, name: string, entrance: Entrance, remove: () => Promise<void>): Host {
  const { leader } = entrance;
  const outside = (inside: string): string => path.join(`/proc/${leader}/root`, inside);
  const buses = new Set<HostBus>();
  let stopped: Promise<void> | undefined;

  const runAs = async (
    uid: number,
    command: readonly string[],
    options: RunOptions = {},
  ): Promise<RunResult> => {
    const [program, ...args] = enterCommand(entrance, { uid, env: options.env ?? {} }, command);
    const result = await execa(program, args, {
      reject: false,
      stripFinalNewline: false,
      timeout: options.timeout ?? 60_000,
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    });
    if (result.timedOut) throw new Error(`${command.join(' ')}: not finished in time\n${result.stderr}`);
    return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode ?? -1 };
  };
  const run = (command: readonly string[], options?: RunOptions): Promise<RunResult> =>
    runAs(0, command, options);

  const stop = async (): Promise<void> => {
    for (const bus of buses) await bus.close();
    await remove();
  };

  const host: Host = {
    suite,
    name,
    leader,
    path: outside,
    run,
    runAs,
    check: async (command, options) => {
      const result = await run(command, options);
      if (result.exitCode === 0) return result.stdout;
      throw new Error(
        `${command.join(' ')}: exit ${result.exitCode} in ${name}\n${result.stdout}${result.stderr}`,
      );
    },
    bus: async (options) => {
      const bus = await openHostBus(entrance, options);
      buses.add(bus);
      return bus;
    },
    write: async (file, content, mode = 0o644) => {
      await mkdir(path.dirname(outside(file)), { recursive: true });
      await writeFile(outside(file), content, { mode });
    },
    read: async (file) => await readFile(outside(file), 'utf8'),
    copyIn: async (from, to) => {
      await mkdir(path.dirname(outside(to)), { recursive: true });
      await execa('cp', ['-a', '-T', from, outside(to)]);
    },
    stop: () => (stopped ??= stop()),
    [Symbol.asyncDispose]: () => host.stop(),
  };
  return host;
}
