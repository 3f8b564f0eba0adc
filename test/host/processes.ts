/** What /proc says about processes: enough to find a host's PID 1 and to tell a live owner from a recycled number. */
import { readdir, readFile } from 'node:fs/promises';

/** The fields of /proc/PID/stat that are used here; proc_pid_stat(5). */
export interface ProcessStat {
  readonly pid: number;
  readonly command: string;
  readonly state: string;
  readonly parent: number;
  /** Clock ticks after boot; together with the pid it identifies a process for good. */
  readonly started: string;
}

/** The stat record of a process, or undefined when there is no such process. */
export async function processStat(pid: number): Promise<ProcessStat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // the command is in parentheses and may itself contain them: the last one closes it
  const match = text === undefined ? null : /^(\d+) \((.*)\) (.*)$/s.exec(text);
  if (match === null) return undefined;
  const rest = match[3]!.trim().split(' ');
  return {
    pid: Number(match[1]),
    command: match[2]!,
    state: rest[0]!,
    parent: Number(rest[1]),
    started: rest[19]!,
  };
}

/** Every process that is there now. */
export async function allProcesses(): Promise<ProcessStat[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(names.map((name) => processStat(Number(name))));
  return stats.filter((stat) => stat !== undefined);
}

/** True while that very process (not another one with its number) is alive. */
export async function isAlive(pid: number, started: string): Promise<boolean> {
  const stat = await processStat(pid);
  return stat?.started === started && stat.state !== 'Z';
}

/** The PID 1 of the container that runs below the given process: the systemd whose parent is systemd-nspawn. */
export async function findLeader(ancestor: number): Promise<number | undefined> {
  const processes = new Map((await allProcesses()).map((stat) => [stat.pid, stat]));
  for (const stat of processes.values()) {
    const parent = processes.get(stat.parent);
    if (stat.command !== 'systemd' || parent?.command !== 'systemd-nspawn') continue;
    for (let at: ProcessStat | undefined = parent; at !== undefined; at = processes.get(at.parent)) {
      if (at.pid === ancestor) return stat.pid;
    }
  }
  return undefined;
}
