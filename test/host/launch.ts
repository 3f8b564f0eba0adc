/**
 * The command line that boots a host. A host has a mount namespace of its own (its overlay goes away with it), a pid
 * namespace, cgroups and a pty of its own, and dies with the process that started it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** A file or directory of the build machine that the host sees. */
export interface Bind {
  readonly from: string;
  readonly to: string;
  readonly writable?: boolean;
}

/** What a host is started from. */
export interface Launch {
  readonly name: string;
  /** Read-only tree below the overlay. */
  readonly lower: string;
  /** The host's own directory: holds upper/, work/, root/, console.log. */
  readonly dir: string;
  readonly binds: readonly Bind[];
  readonly cgroups: readonly string[];
}

/** Makes one cgroup of that name in each hierarchy that systemd knows (v2, and v1's name=systemd), returns their directories. */
export async function makeCgroups(name: string): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  const roots = mounts
    .filter(
      ([, , type, options]) => type === 'cgroup2' || (type === 'cgroup' && options?.includes('name=systemd')),
    )
    .map(([, where]) => where!);
  const dirs = roots.map((root) => path.join(root, name));
  for (const dir of dirs) await mkdir(dir);
  return dirs;
}

/**
 * Writes the launch script into the host's directory and returns the command to run. The script is needed because
 * script(1), which provides the pty, takes a shell string and nothing else.
 */
export async function writeLaunchScript(launch: Launch): Promise<[string, ...string[]]> {
  const script = path.join(launch.dir, 'launch.sh');
  await writeFile(script, launchScript(launch));
  const pty = ['script', '-qfec', `exec sh ${quote(script)}`, path.join(launch.dir, 'console.log')];
  // when the test process dies in any way, so does unshare, and with it the whole pid namespace
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  return ['setpriv', '--pdeathsig', 'KILL', 'unshare', ...namespaces, ...pty];
}

function launchScript(launch: Launch): string {
  const inDir = (name: string): string => quote(path.join(launch.dir, name));
  const overlay = `lowerdir=${launch.lower},upperdir=${launch.dir}/upper,workdir=${launch.dir}/work`;
  const nspawn = [
    'systemd-nspawn',
    '-D',
    path.join(launch.dir, 'root'),
    '--boot',
    '--register=no',
    '--keep-unit',
    '--private-network',
    '--capability=all',
    `--machine=${launch.name}`,
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    '--bind=/dev/loop-control',
    // loop partitions get their nodes here, from the kernel; see hostDevices
    '--bind=/dev:/dev/.machine:norbind',
    ...launch.binds.map((bind) => `--bind${bind.writable === true ? '' : '-ro'}=${bind.from}:${bind.to}`),
  ];
  return [
    '#!/bin/sh',
    'set -e',
    ...launch.cgroups.map((dir) => `echo $$ > ${quote(path.join(dir, 'cgroup.procs'))}`),
    `if ! mount -t overlay overlay -o ${quote(overlay)} ${inDir('root')}; then`,
    `  cp -a ${quote(`${launch.lower}/.`)} ${inDir('root')}`,
    `  cp -a ${quote(`${launch.dir}/upper/.`)} ${inDir('root')}`,
    'fi',
    // nspawn's lock files and propagation directory stay out of this machine's /run
    'mkdir -p /run/systemd/nspawn',
    'mount -t tmpfs tmpfs /run/systemd/nspawn',
    'export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1',
    `exec ${nspawn.map(quote).join(' ')}`,
    '',
  ].join('\n');
}

/** One word of a shell command. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
