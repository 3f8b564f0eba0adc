/** What an installation into the running system does besides writing files. */
import { existsSync } from 'node:fs';
import { execa } from 'execa';

/** systemd is the service manager here: sd_booted(3). */
function isRunning(): boolean {
  return existsSync('/run/systemd/system');
}

/**
 * Makes the service manager and the bus see the new files, and stops whoever served before, ours or systemd's: both
 * finish what they are at, and the next call starts what the files say now.
 */
export async function takeOver(): Promise<void> {
  if (!isRunning()) return;
  await reload();
  await stop('systemd-portabled.service');
  await stop('portabled.service');
}

/** Before the files go: a running daemon loads parts of itself when it needs them. */
export async function stopDaemon(): Promise<void> {
  if (isRunning()) await stop('portabled.service');
}

/** Service manager and bus read their configuration again. */
export async function reload(): Promise<void> {
  if (!isRunning()) return;
  await execa('systemctl', ['daemon-reload']);
  const driver = ['org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'ReloadConfig'];
  await execa('busctl', ['--system', 'call', ...driver]);
}

async function stop(unit: string): Promise<void> {
  // a unit that is not there, or not running, is as good
  await execa('systemctl', ['stop', unit], { reject: false });
}
