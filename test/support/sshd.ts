/**
 * A real sshd(8), without one being installed: where systemd runs, installing openssh-server starts a server for
 * everybody. Its package is unpacked beside, and finds what it needs in a mount namespace of its own. Needs root.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

/** Directory and account that its package would make, on what only this server sees. */
const script = `mount -t tmpfs -o mode=755 sshd /run && mkdir /run/sshd &&
mount --bind "$1/passwd" /etc/passwd && mount --bind "$2/usr/lib/openssh" /usr/lib/openssh &&
exec "$2/usr/sbin/sshd" -D -e -f "$3"`;

/**
 * Starts a server, to be ended by who started it.
 * @param scratch for files of its own
 * @param cache where the unpacked package is kept
 * @param config a file as of sshd_config(5)
 */
export async function spawnSshd(scratch: string, cache: string, config: string): Promise<ChildProcess> {
  const tree = await unpacked(cache);
  const accounts = readFileSync('/etc/passwd', 'utf8');
  const own = 'sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin\n';
  writeFileSync(join(scratch, 'passwd'), /^sshd:/m.test(accounts) ? accounts : accounts + own);
  const args = ['--mount', '--propagation=private', 'sh', '-c', script, 'sh', scratch, tree, config];
  const libraries = ['usr/lib', 'lib'].flatMap((lib) => directoriesIn(join(tree, lib)));
  const env = { PATH: process.env['PATH'], LD_LIBRARY_PATH: libraries.join(':') };
  return spawn('unshare', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** The package, and what it needs that is not installed. */
const downloadOnly = ['--download-only', '--reinstall', '--no-install-recommends'];

/** The files of all that, for this release of Debian. */
async function unpacked(cache: string): Promise<string> {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const tree = join(cache, `openssh-server-${release ?? 'unknown'}`);
  if (existsSync(tree)) return tree;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, '.new-'));
  const here = ['-o', `Dir::Cache::archives=${work}`];
  const download = () =>
    execa('apt-get', ['install', '-y', '-q', ...downloadOnly, ...here, 'openssh-server']);
  try {
    await download().catch(async () => {
      await execa('apt-get', ['update', '-q']);
      await download();
    });
    for (const each of debFiles(work)) await execa('dpkg-deb', ['-x', each, join(work, 'tree')]);
    mkdirSync(join(work, 'tree/usr/lib/openssh'), { recursive: true });
    if (!existsSync(tree)) renameSync(join(work, 'tree'), tree);
  } finally {
    await execa('rm', ['-rf', '--', work]);
  }
  return tree;
}

function debFiles(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(directory, name));
}

function directoriesIn(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name));
}
