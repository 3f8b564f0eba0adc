/** Temporary directories and descriptor counts for tests. */
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/**
 * A new directory, removed after the suite (or file) that asked for it.
 * @param below /dev/shm for what needs a tmpfs: many files quickly, sparse files of any size
 */
export function scratchDirectory(topic: string, below = tmpdir()): string {
  const path = mkdtempSync(join(below, `portabled-${topic}-`));
  after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const repository = join(import.meta.dirname, '../..');
/** Where tsx keeps what it has compiled: written while tests run already, when it is new to it. */
const modulesKept = join(tmpdir(), 'tsx-');

/**
 * The number of files, directories and devices this process has open; not the pipes of its children, nor modules that
 * are just being loaded.
 */
export function openDescriptors(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // that of the listing itself
    }
  });
  const loading = [repository, modulesKept];
  return targets.filter(
    (target) => target.startsWith('/') && !loading.some((directory) => target.startsWith(directory)),
  ).length;
}

/** Processor time this process has used, milliseconds: what a busy machine does not change. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
