import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

import { errnoOf, fileError } from './errors.ts';

/**
 * Creates a directory and those missing on the way to it, the latter with mode 0755. Not mkdirSync's "recursive",
 * which never ends where mkdir(2) says ENOENT below a directory that exists, as in /proc.
 *
 * @returns the directories created, outermost first
 * @throws PortableError naming the directory that could not be created
 */
export function makeDirectories(path: string, mode = 0o755): readonly string[] {
  const missing = [...missingDirectories(path)].reverse();
  return missing.filter((directory) => makeDirectory(directory, directory === path ? mode : 0o755));
}

/** A directory and those on the way to it, as far as they do not exist, innermost first. */
export function missingDirectories(path: string): readonly string[] {
  const missing: string[] = [];
  for (let at = path; !existsSync(at); at = dirname(at)) missing.push(at);
  return missing;
}

function makeDirectory(path: string, mode: number): boolean {
  try {
    mkdirSync(path, mode);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false; // somebody was quicker
    throw fileError(error, 'create directory', path);
  }
}
