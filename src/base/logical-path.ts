/** Paths as seen from inside the host root, and where they are on disk. */
import path from 'node:path';
import { resolveInRoot } from './root-path.ts';

/** Where an absolute path as seen inside `root` is on disk; symlinks are left for the kernel to follow. */
export function onDisk(root: string, inside: string): string {
  return root === '/' ? inside : path.join(root, inside);
}

/**
 * `inside` with all symlinks resolved, as seen inside `root`. What does not exist is taken as it is.
 * @throws PortableError Loop; file-system errors
 */
export async function resolveInside(root: string, inside: string): Promise<string> {
  const resolved = await resolveInRoot(root, inside);
  const below = root === '/' ? resolved : resolved.slice(root.replace(/\/+$/, '').length);
  return below === '' ? '/' : below;
}
