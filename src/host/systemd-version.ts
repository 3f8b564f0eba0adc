/**
 * Which systemd a tree will boot: its programs share a library that has the version in its name
 * (usr/lib/systemd/libsystemd-shared-257.so, or -257.4-1.fc42.so). Nothing is run, so that trees of other architectures
 * can be asked, too.
 */
import { readdir } from 'node:fs/promises';
import { errnoOf, fileError } from '../base/errors.ts';
import { resolvedOnDisk } from '../base/logical-path.ts';

/** Where distributions keep that library; Debian and Ubuntu by architecture, which `*` stands for. */
const places = [
  '/usr/lib/systemd',
  '/usr/lib64/systemd',
  '/usr/lib/*/systemd',
  '/lib/systemd',
  '/lib/*/systemd',
];

/**
 * The major version of systemd in a tree; of several (an upgrade left one behind) the lowest, since what a drop-in says
 * to an older one is understood by newer ones, too. Undefined where there is none.
 * @param root directory that stands for "/"
 * @throws PortableError when a directory is there and cannot be read
 */
export async function systemdVersion(root: string): Promise<number | undefined> {
  const found: number[] = [];
  for (const place of places) {
    for (const directory of await expand(root, place)) {
      for (const name of await namesIn(root, directory)) {
        const version = /^libsystemd-shared-(\d{1,5})\D.*so/.exec(name)?.[1];
        if (version !== undefined) found.push(Number(version));
      }
    }
  }
  return found.length === 0 ? undefined : Math.min(...found);
}

/** The directories that a place with a `*` in it stands for. */
async function expand(root: string, place: string): Promise<readonly string[]> {
  const [parent = '', below] = place.split('/*');
  if (below === undefined) return [place];
  // names of architectures have a dash each: x86_64-linux-gnu, aarch64-linux-gnu
  return (await namesIn(root, parent))
    .filter((name) => name.includes('-'))
    .map((name) => `${parent}/${name}${below}`);
}

async function namesIn(root: string, directory: string): Promise<readonly string[]> {
  try {
    return await readdir(resolvedOnDisk(root, directory));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw fileError(error, 'look for systemd in', directory);
  }
}
