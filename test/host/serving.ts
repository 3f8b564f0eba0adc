/** Which daemon serves the bus name in a host that has both, and how to change that. */
import { readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from './host.ts';

/** A daemon of org.freedesktop.portable1. */
export type Daemon = 'ours' | 'systemd';

const unitOf: Readonly<Record<Daemon, string>> = {
  ours: 'portabled.service',
  systemd: 'systemd-portabled.service',
};

/** Our unit's alias: in front of systemd's own, which is below /usr/lib. */
const alias = '/etc/systemd/system/dbus-org.freedesktop.portable1.service';

/** Who owns the name right now: activates a daemon if none does. */
export interface Owner {
  readonly unit: string;
  /** In the host's own numbering. */
  readonly pid: number;
  /** The program, as seen in the host. */
  readonly program: string;
}

/** The process that owns the bus name; a call starts it if there is none. */
export async function busOwner(host: Host): Promise<Owner> {
  const portable1 = ['org.freedesktop.portable1', '/org/freedesktop/portable1'];
  await host.check(['busctl', 'call', ...portable1, 'org.freedesktop.DBus.Peer', 'Ping']);
  const pid = await ownerPid(host);
  if (pid === undefined) throw new Error('nobody owns org.freedesktop.portable1 after a call to it');
  const cgroup = await host.read(`/proc/${pid}/cgroup`);
  const unit = /\/([^/\n]+\.service)\s*$/m.exec(cgroup)?.[1] ?? cgroup;
  return { unit, pid, program: await readlink(host.path(`/proc/${pid}/exe`)) };
}

/** The process that owns the bus name; undefined when nobody does. Starts nothing. */
export async function ownerPid(host: Host): Promise<number | undefined> {
  const driver = ['org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus'];
  const ask = ['GetConnectionUnixProcessID', 's', 'org.freedesktop.portable1'];
  const answer = await host.run(['busctl', 'call', ...driver, ...ask]);
  const pid = /^u (\d+)/.exec(answer.stdout)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** From now on this daemon answers; the other one has finished and is gone. */
export async function serveBy(host: Host, daemon: Daemon): Promise<void> {
  if (daemon === 'ours') {
    await host.check(['ln', '-sfn', '/usr/local/lib/systemd/system/portabled.service', alias]);
  } else {
    await host.check(['rm', '-f', alias]);
  }
  await host.check(['systemctl', 'daemon-reload']);
  await stopDaemons(host);
  const { unit } = await busOwner(host);
  if (unit !== unitOf[daemon]) throw new Error(`${unit} answers instead of ${unitOf[daemon]}`);
}

/** Both daemons are gone; the next call starts the one that is in charge. */
export async function stopDaemons(host: Host): Promise<void> {
  // two units of one bus name cannot be loaded at the same time: one of them is never there
  for (const unit of Object.values(unitOf)) {
    await host.run(['systemctl', 'stop', unit]);
    await host.run(['systemctl', 'reset-failed', unit]);
  }
}

/** Kills the daemon that owns the name, and waits until the bus and the service manager know. */
export async function killDaemon(host: Host): Promise<void> {
  const pid = await ownerPid(host);
  if (pid !== undefined) await host.run(['kill', '-KILL', String(pid)]);
  while ((await ownerPid(host)) !== undefined) await sleep(10);
}
