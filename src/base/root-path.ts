/** Paths below a host root that is not "/": image builds, `--root`, tests. */

import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

import { errnoOf, fileError, PortableError, quoted } from './errors.ts';

/** As many as the kernel follows in one look-up (path_resolution(7)). */
const maxLinks = 40;

export interface ResolveOptions {
  /** Follow a symlink in the last component too (default true), like stat(2) as opposed to lstat(2). */
  readonly followLast?: boolean;
}

/**
 * Where the absolute path `path`, as seen inside `root`, lies on disk: symlinks on the way are resolved inside the
 * root, as after chroot(2), so an absolute target starts at the root and ".." does not lead out of it.
 * Components that do not exist are taken as they are; the result then need not exist.
 * Not proof against someone who swaps links meanwhile: trees of others need a directory-handle walk.
 *
 * @param root absolute path of a directory; "/" works too
 * @returns a path on disk that begins with `root` and has no symlink below it
 * @throws PortableError Loop after 40 symlinks; file-system errors (AccessDenied, IOError …)
 */
export function resolveInRoot(root: string, path: string, options: ResolveOptions = {}): string {
  const pending = componentsOf(path);
  let resolved: string[] = [];
  let links = 0;
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === '..') {
      resolved.pop();
      continue;
    }
    const candidate = [...resolved, name];
    const follow = pending.length > 0 || options.followLast !== false;
    const target = follow ? linkTarget(join(root, ...candidate), path) : undefined;
    if (target === undefined) {
      resolved = candidate;
      continue;
    }
    if (++links > maxLinks) {
      throw new PortableError('Loop', `too many levels of symbolic links in ${quoted(path)}`, { file: path });
    }
    if (target.startsWith('/')) resolved = [];
    pending.unshift(...componentsOf(target));
  }
  return join(root, ...resolved);
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/**
 * The target of a symlink; undefined for anything else, including what does not exist. Synchronous: a few µs, where a
 * round trip through the thread pool for each component would take a hundred times that.
 */
function linkTarget(onDisk: string, path: string): string | undefined {
  try {
    // asking first is cheaper than an error for each component that is no link
    const found = lstatSync(onDisk, { throwIfNoEntry: false });
    return found?.isSymbolicLink() === true ? readlinkSync(onDisk) : undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EINVAL' || errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw fileError(error, 'resolve', path);
  }
}
