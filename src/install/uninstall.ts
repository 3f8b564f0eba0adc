/** Takes an installation away again, to the last file, and nothing else. */
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

import { errnoOf } from '../base/errors.ts';
import { readManifest } from './manifest.ts';
import { libraryDirectory, manifestFile } from './plan.ts';
import { Tree } from './tree.ts';

export interface UninstallOptions {
  /** "/" or a directory that stands for it. */
  readonly root: string;
  readonly prefix: string;
  /** Even if attached units lose their profile. */
  readonly force: boolean;
  readonly say: (text: string) => void;
  /** Called before anything is removed. */
  readonly stopRunning: () => Promise<void>;
}

/** Where the daemon keeps what must outlive it; what it leaves there when all is well are empty directories. */
const stateDirectories = ['/var/lib/portabled/transactions', '/var/lib/portabled'];
const runtimeFiles = ['/run/portabled/lock'];
const runtimeDirectories = ['/run/portabled/transactions', '/run/portabled'];

/**
 * A file that is no longer what was installed is somebody else's by now: it stays, and is named. In our own directory
 * nothing is.
 * @returns whether there was anything to uninstall
 * @throws Error when attached units use profiles that would go
 */
export async function uninstall(options: UninstallOptions): Promise<boolean> {
  const { root, prefix, say } = options;
  const tree = new Tree(root);
  const lib = libraryDirectory(prefix);
  const listPath = manifestFile(prefix);
  const manifest = await readManifest(tree.onDisk(listPath));
  if (manifest === undefined) return false;
  await checkProfiles(tree, lib, options.force);
  await options.stopRunning();
  for (const [path, fingerprint] of Object.entries(manifest.files)) {
    const found = await tree.fingerprint(path);
    if (found === fingerprint || path.startsWith(`${lib}/`)) await tree.remove(path);
    else if (found !== undefined) say(`${path} was changed since it was installed: kept`);
  }
  await tree.remove(listPath);
  for (const path of runtimeFiles) await tree.remove(path);
  const directories = [...manifest.directories].reverse();
  for (const path of [...directories, ...stateDirectories, ...runtimeDirectories])
    await tree.removeDirectoryIfEmpty(path);
  return true;
}

/** A unit whose profile is a dead link would run without its sandbox, and the service manager would just go on. */
async function checkProfiles(tree: Tree, lib: string, force: boolean): Promise<void> {
  const affected: string[] = [];
  for (const directory of ['/etc/systemd/system.attached', '/run/systemd/system.attached']) {
    for (const name of await list(tree.onDisk(directory))) {
      const link = tree.onDisk(join(directory, name, '10-profile.conf'));
      const target = await readlink(link).catch(() => '');
      if (target.startsWith(`${lib}/`)) affected.push(name.replace(/\.d$/, ''));
    }
  }
  if (affected.length === 0 || force) return;
  throw new Error(
    `not uninstalled: these attached units have their profile from ${lib}: ${affected.join(', ')}\n` +
      'Detach their images, or reattach them with --copy=copy; --force removes the profiles all the same.',
  );
}

async function list(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
