/** Temporary directories and descriptor counts for tests. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
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

/** The number of descriptors this process has open. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Processor time this process has used, milliseconds: what a busy machine does not change. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
