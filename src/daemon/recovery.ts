/** What a crash left unfinished is finished, or undone, by whoever starts next: the daemon, or --recover at boot. */
import { existsSync, readdirSync, statSync } from 'node:fs';

import { errnoOf, messageOf } from '../base/errors.ts';
import type { HostPaths, Scope } from '../base/host-paths.ts';
import { resolvedOnDisk } from '../base/logical-path.ts';
import type { Log } from '../base/log.ts';
import type { Portables } from '../portable/portables.ts';

/** Whether there are journals of transactions: of one that was interrupted, or that somebody is at right now. */
export function hasJournals(root: string, paths: HostPaths): boolean {
  return [paths.journal.persistent, paths.journal.runtime].some(
    (path) => !isEmpty(resolvedOnDisk(root, path)),
  );
}

function isEmpty(directory: string): boolean {
  try {
    const found = statSync(directory, { throwIfNoEntry: false });
    return found === undefined || readdirSync(directory).length === 0;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return true; // what cannot be read is reported by who needs it
  }
}

/**
 * Ends what was interrupted, and has the service manager read its units again if that changed any.
 * @returns whether everything is in order now; what is not has been logged
 */
export async function recoverHost(
  portables: Pick<Portables, 'recover'>,
  log: Log,
  reload: () => Promise<void>,
): Promise<boolean> {
  try {
    const recovered = await portables.recover();
    if (recovered.length > 0) await reload();
    return recovered.every(({ outcome }) => outcome !== 'failed');
  } catch (error) {
    log.error(`cannot end what was interrupted: ${messageOf(error)}`);
    return false;
  }
}

/**
 * Has the service manager of the running system read its units again; does nothing for a tree that is not running, or
 * where systemd is not the service manager (sd_booted(3)). By systemctl, which works before there is a bus.
 */
export async function reloadManager(root: string, scope: Scope): Promise<void> {
  if (root !== '/' || !existsSync('/run/systemd/system')) return;
  const { execa } = await import('execa');
  const args = scope === 'user' ? ['--user', 'daemon-reload'] : ['daemon-reload'];
  await execa('systemctl', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: reloadTimeoutMs });
}

/** Generators may take their time; longer than this something is wrong. */
const reloadTimeoutMs = 90_000;
