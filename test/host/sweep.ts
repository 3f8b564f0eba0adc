/** Removal of hosts: one's own when it stops, and those that a crashed test run left behind. */
import { readFile, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { detachLoops } from './devices.ts';
import { isAlive, processStat } from './processes.ts';
import type { HostSettings } from './settings.ts';

/** What is noted on disk about a host, for whoever has to remove it. */
export interface HostRecord {
  /** The test process that started it. */
  readonly owner: { readonly pid: number; readonly started: string };
  /** unshare(1), the top of the host's processes. */
  readonly top?: { readonly pid: number; readonly started: string };
  readonly cgroups: readonly string[];
  /** "major:minor" of its own file systems. */
  readonly fileSystems: readonly string[];
}

const recordFile = 'host.json';

/** Notes what a host consists of in its directory. */
export async function writeRecord(dir: string, record: HostRecord): Promise<void> {
  await writeFile(path.join(dir, recordFile), JSON.stringify(record));
}

/** Identifies a process for isAlive. */
export async function identity(pid: number): Promise<{ pid: number; started: string }> {
  const stat = await processStat(pid);
  if (stat === undefined) throw new Error(`process ${pid} is gone`);
  return { pid, started: stat.started };
}

/** Removes the hosts whose test process no longer lives. */
export async function sweepStaleHosts(settings: HostSettings): Promise<void> {
  const names = await readdir(settings.runRoot).catch(() => []);
  for (const name of names) {
    const dir = path.join(settings.runRoot, name);
    const record = await readRecord(dir);
    if (record !== undefined && !(await isAlive(record.owner.pid, record.owner.started))) {
      await removeHost(dir, record);
    }
  }
}

async function readRecord(dir: string): Promise<HostRecord | undefined> {
  const text = await readFile(path.join(dir, recordFile), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as HostRecord);
}

/** Kills what still runs of a host, then removes its loop devices, cgroups and files. */
export async function removeHost(dir: string, record: HostRecord): Promise<void> {
  if (record.top !== undefined && (await isAlive(record.top.pid, record.top.started))) {
    process.kill(record.top.pid, 'SIGKILL');
  }
  for (const cgroup of record.cgroups) await emptyCgroup(cgroup);
  await detachLoops(record.fileSystems);
  for (const cgroup of record.cgroups) await removeCgroup(cgroup);
  await rm(dir, { recursive: true, force: true });
}

/** Kills every process of a cgroup tree and waits until they are gone (5 s at most). */
async function emptyCgroup(cgroup: string): Promise<void> {
  for (let round = 0; round < 250; round++) {
    const pids = await processesOf(cgroup);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it is already gone
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`processes of ${cgroup} do not die`);
}

async function processesOf(cgroup: string): Promise<number[]> {
  const entries = await readdir(cgroup, { withFileTypes: true }).catch(() => []);
  const own = await readFile(path.join(cgroup, 'cgroup.procs'), 'utf8').catch(() => '');
  const pids = own.split('\n').map(Number);
  for (const entry of entries) {
    if (entry.isDirectory()) pids.push(...(await processesOf(path.join(cgroup, entry.name))));
  }
  // 0 stands for processes of another pid namespace
  return pids.filter((pid) => pid > 0);
}

async function removeCgroup(cgroup: string): Promise<void> {
  const entries = await readdir(cgroup, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeCgroup(path.join(cgroup, entry.name));
  await rmdir(cgroup).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
}
