/**
 * Debian trees for hosts to boot from: bootstrapped once per suite, kept in the cache, never written to again.
 * A tree appears in the cache by one rename when it is complete, with a stamp of what went into it; a tree
 * without the right stamp is replaced.
 */
import { createHash } from 'node:crypto';
import {
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { HostSettings, Suite } from './settings.ts';
import { ensureTools } from './tools.ts';

/** What every host has: PID 1, buses, portablectl and its daemon, polkit, and makers of every kind of image. */
const includes = [
  'systemd',
  'systemd-sysv',
  'libpam-systemd',
  'dbus',
  'dbus-user-session',
  'systemd-container',
  'polkitd',
  'squashfs-tools',
  'erofs-utils',
  'e2fsprogs',
  'btrfs-progs',
  'procps',
  'util-linux',
  'strace',
  'attr',
];

/** Inside a tree: the JSON list of packages it was made from. */
const stampFile = 'usr/lib/portabled-test-host.json';

/**
 * The bootstrapped tree of a suite, with extra Debian packages on top when asked; made now if the cache has none
 * (about a minute, needs the mirror). Returns its directory, to be used read-only.
 */
export async function hostTree(
  settings: HostSettings,
  suite: Suite,
  packages: readonly string[] = [],
): Promise<string> {
  if (packages.length === 0) {
    return await cached(settings, suite, includes, (tree) => debootstrap(settings, suite, tree));
  }
  const base = await hostTree(settings, suite);
  const sorted = [...packages].sort();
  const digest = createHash('sha256').update(sorted.join(' ')).digest('hex').slice(0, 12);
  return await cached(settings, `${suite}+${digest}`, [...includes, ...sorted], async (tree) => {
    await execa('cp', ['-a', '--reflink=auto', `${base}/.`, tree]);
    await install(tree, sorted);
  });
}

/** Returns the cached tree of that name if its stamp says it is made of these packages, else makes it. */
async function cached(
  settings: HostSettings,
  name: string,
  packages: readonly string[],
  make: (tree: string) => Promise<void>,
): Promise<string> {
  const tree = path.join(settings.cacheRoot, name);
  const stamp = `${JSON.stringify(packages)}\n`;
  if ((await readStamp(tree)) === stamp) return tree;
  await mkdir(settings.cacheRoot, { recursive: true });
  await removeAbandoned(settings.cacheRoot);
  const work = await mkdtemp(path.join(settings.cacheRoot, '.new-'));
  try {
    const fresh = path.join(work, 'tree');
    await mkdir(fresh);
    await make(fresh);
    await writeFile(path.join(fresh, stampFile), stamp);
    await moveInto(fresh, tree, path.join(work, 'old'), stamp);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return tree;
}

/** Removes what an interrupted bootstrap left, hours later: nothing takes that long. */
async function removeAbandoned(cacheRoot: string): Promise<void> {
  const sixHours = 6 * 3600 * 1000;
  for (const name of await readdir(cacheRoot)) {
    if (!name.startsWith('.new-')) continue;
    const work = path.join(cacheRoot, name);
    const made = await stat(work).catch(() => undefined);
    if (made !== undefined && Date.now() - made.mtimeMs > sixHours) {
      await rm(work, { recursive: true, force: true });
    }
  }
}

/** Puts a fresh tree in its place; a stale one goes away, an equal one that somebody else just made stays. */
async function moveInto(fresh: string, tree: string, old: string, stamp: string): Promise<void> {
  for (;;) {
    try {
      await rename(fresh, tree);
      return;
    } catch (error) {
      if ((await readStamp(tree)) === stamp) return;
      if (!isTaken(error)) throw error;
      await rename(tree, old);
    }
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST');
}

async function readStamp(tree: string): Promise<string | undefined> {
  return await readFile(path.join(tree, stampFile), 'utf8').catch(() => undefined);
}

async function debootstrap(settings: HostSettings, suite: Suite, tree: string): Promise<void> {
  await ensureTools('debootstrap');
  const scripts = await debootstrapScripts(path.dirname(tree), suite);
  const args = ['--variant=minbase', `--include=${includes.join(',')}`, suite, tree, settings.mirror];
  await execa('debootstrap', args, { env: { DEBOOTSTRAP_DIR: scripts }, stdin: 'ignore' });
  await rm(path.join(tree, 'var/cache/apt/archives'), { recursive: true, force: true });
  await mkdir(path.join(tree, 'var/cache/apt/archives/partial'), { recursive: true });
}

/** A copy of debootstrap's own files in which the suite has a script: a release newer than debootstrap is made like sid. */
async function debootstrapScripts(work: string, suite: Suite): Promise<string> {
  const copy = path.join(work, 'debootstrap');
  await cp('/usr/share/debootstrap', copy, { recursive: true, verbatimSymlinks: true });
  await symlink('sid', path.join(copy, 'scripts', suite)).catch((error: unknown) => {
    if (!isTaken(error)) throw error;
  });
  return copy;
}

/** Installs packages into a tree that is not running, with the build machine's network. */
async function install(tree: string, packages: readonly string[]): Promise<void> {
  await ensureTools('systemd-nspawn');
  const inside = ['-D', tree, '--register=no', '--keep-unit', '--pipe', '--resolv-conf=bind-host'];
  const env = ['--setenv=DEBIAN_FRONTEND=noninteractive'];
  const apt = ['apt-get', '-q', '-y', '-o', 'Acquire::Retries=3'];
  const options = { stdin: 'ignore' } as const;
  await execa('systemd-nspawn', [...inside, ...env, ...apt, 'update'], options);
  const quick = ['-o', 'Dpkg::Options::=--force-unsafe-io', '--no-install-recommends', 'install'];
  await execa('systemd-nspawn', [...inside, ...env, ...apt, ...quick, ...packages], options);
  await execa('systemd-nspawn', [...inside, 'apt-get', 'clean'], options);
}
