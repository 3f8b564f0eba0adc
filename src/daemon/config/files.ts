/**
 * Which configuration files count, in which order: the precedence of systemd's own daemons.
 * Source: the section "Configuration Directories and Precedence" of systemd-system.conf(5) and its siblings.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { errnoOf } from '../../base/errors.ts';
import { resolvedOnDisk } from '../../base/logical-path.ts';

/** The fixed name of the main file; drop-ins are in the directory of the same name with ".d". */
const mainFile = 'portabled.conf';

/** Directories that hold system-wide configuration, most important first. */
export const systemConfigDirs: readonly string[] = ['/etc', '/run', '/usr/local/lib', '/usr/lib'];

/** The same for a user's own daemon. */
export function userConfigDirs(user: {
  readonly config: string;
  readonly runtime: string;
}): readonly string[] {
  return [user.config, user.runtime];
}

/**
 * The files to read, in order: a later one overrides the earlier ones. Of the main file the first that exists counts;
 * of drop-ins with the same name, too, and all of them come after it, sorted by name.
 *
 * Synchronous, as everything that happens before the first call is answered: a handful of look-ups that mostly find
 * nothing is faster done than scheduled.
 * @param dirs directories, most important first, as seen inside `root`
 */
export function findConfigFiles(root: string, dirs: readonly string[]): string[] {
  const mains = dirs.map((dir) => join(resolvedOnDisk(root, dir), mainFile)).filter(exists);
  return [...mains.slice(0, 1), ...dropIns(root, dirs)];
}

function dropIns(root: string, dirs: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const dir of dirs) {
    const path = resolvedOnDisk(root, join(dir, `${mainFile}.d`));
    for (const name of list(path)) {
      if (name.endsWith('.conf') && !name.startsWith('.') && !byName.has(name))
        byName.set(name, join(path, name));
    }
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}

/** Names in a directory; none when it is missing or not to be read: that is no reason not to start. */
function list(path: string): string[] {
  try {
    return exists(path) ? readdirSync(path) : [];
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return [];
  }
}

/** What is there but cannot be looked at counts: whoever reads it will say so. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return true;
  }
}
