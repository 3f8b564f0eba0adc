/** Paths as seen from inside the host root, and where they are on disk. */
import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errnoOf, fileError } from './errors.ts';
import { resolveInRoot } from './root-path.ts';
import type { ResolveOptions } from './root-path.ts';

/** Whether an absolute path is `directory` or below it, by their names. */
export function isWithin(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

/** Where an absolute path as seen inside `root` is on disk; symlinks are left for the kernel to follow. */
export function onDisk(root: string, inside: string): string {
  return root === '/' ? inside : join(root, inside);
}

/**
 * Where an absolute path as seen inside `root` is on disk, symlinks resolved as seen inside `root`, so that none leads
 * out of it. On "/" there is no outside: the kernel follows them.
 * @throws PortableError Loop; file-system errors
 */
export function resolvedOnDisk(root: string, inside: string, options: ResolveOptions = {}): string {
  return root === '/' ? inside : resolveInRoot(root, inside, options);
}

/**
 * `inside` with all symlinks resolved, as seen inside `root`. What does not exist is taken as it is.
 * @throws PortableError Loop; file-system errors
 */
export function resolveInside(root: string, inside: string): string {
  if (root === '/') {
    const real = realPath(inside);
    if (real !== undefined) return real;
  }
  const resolved = resolveInRoot(root, inside);
  const below = root === '/' ? resolved : resolved.slice(root.replace(/\/+$/, '').length);
  return below === '' ? '/' : below;
}

/** Stands for something that is no symlink. */
export const notALink = Symbol('not a link');

/**
 * What is at an absolute path as seen inside `root`: nothing, something that is no link, or where a link leads, by its
 * own word: as an absolute path with further links in it, perhaps.
 * @throws PortableError Loop; file-system errors
 */
export function linkTarget(root: string, at: string): string | typeof notALink | undefined {
  try {
    const onDisk = resolvedOnDisk(root, at, { followLast: false });
    if (!lstatSync(onDisk).isSymbolicLink()) return notALink;
    return resolve(dirname(at), readlinkSync(onDisk));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw fileError(error, 'look at', at);
  }
}

/** The kernel's answer, where it has one. */
function realPath(inside: string): string | undefined {
  try {
    const found = statSync(inside, { throwIfNoEntry: false });
    return found === undefined ? undefined : realpathSync.native(inside);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
