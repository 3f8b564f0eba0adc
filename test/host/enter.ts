/** How a command of this machine becomes a process of a host: its namespaces, its cgroups, a fresh environment. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** What is needed to start processes in a host. */
export interface Entrance {
  /** Process id, on this machine, of the host's PID 1. */
  readonly leader: number;
  /** cgroup.procs files of cgroups within the host's tree: its services must be able to name every caller's cgroup. */
  readonly cgroupProcs: readonly string[];
}

/** Who runs and with which variables. */
export interface Identity {
  readonly uid: number;
  readonly env?: Readonly<Record<string, string>>;
}

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Makes the cgroups for entering processes. `cgroups` are the directories of the host's own cgroups on this machine. */
export async function makeEntrance(leader: number, cgroups: readonly string[]): Promise<Entrance> {
  const lines = (await readFile(`/proc/${leader}/cgroup`, 'utf8')).split('\n');
  const unified = lines.find((line) => line.startsWith('0::'))?.slice(3) ?? '';
  // PID 1 starts in NAME/payload, NAME being one of ours, and moves on to its init.scope; v1's name=systemd looks the same
  const [, , ...below] = unified.replace(/\/init\.scope$/, '').split('/');
  const dirs = cgroups.map((own) => path.join(own, ...below, 'harness'));
  for (const dir of dirs) await mkdir(dir, { recursive: true });
  return { leader, cgroupProcs: dirs.map((dir) => path.join(dir, 'cgroup.procs')) };
}

/** The command line that runs a command in the host. Users other than root get no capabilities and no supplementary groups. */
export function enterCommand(
  entrance: Entrance,
  identity: Identity,
  command: readonly string[],
): [string, ...string[]] {
  const { uid } = identity;
  const variables = {
    PATH: searchPath,
    HOME: uid === 0 ? '/root' : '/home/tester',
    LANG: 'C.UTF-8',
    ...(uid === 0 ? {} : { XDG_RUNTIME_DIR: `/run/user/${uid}` }),
    ...identity.env,
  };
  const ids = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--inh-caps=-all'];
  // the paths have no blanks in them
  const joinCgroups = 'for procs in $0; do echo $$ > $procs; done; exec "$@"';
  return [
    'sh',
    ...['-c', joinCgroups, entrance.cgroupProcs.join(' ')],
    ...['nsenter', '-t', String(entrance.leader), '-m', '-u', '-i', '-n', '-p', '-C', '-r', '-w', '--'],
    ...['env', '-i', ...Object.entries(variables).map(([key, value]) => `${key}=${value}`)],
    ...(uid === 0 ? [] : ['setpriv', ...ids, '--']),
    ...command,
  ];
}
