/**
 * A real server from Debian's packages as a portable service image: redis with the libraries it needs, its own
 * release data and units. Two versions of it differ in what the server says about itself.
 */
import { access, cp, mkdir, mkdtemp, readlink, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { hostTree } from './bootstrap.ts';
import { packSquashfs, writeImageTree, type SquashfsCompression } from './images.ts';
import type { HostSettings } from './settings.ts';

/** The port a server of these images listens on. */
export const serverPort = 6379;

/** The one unit of a server image. */
export const serverUnit = 'redis-server.service';

/**
 * Packs `redis_VERSION.raw` into a directory of this machine and returns its path. The server answers redis'
 * inline commands on TCP; `GET version` gives the version.
 */
export async function writeServerImage(
  settings: HostSettings,
  dir: string,
  version: string,
  compression: SquashfsCompression = 'zstd',
): Promise<string> {
  const tree = await mkdtemp(path.join(tmpdir(), 'server-'));
  try {
    await writeServerTree(settings, tree, version, 'system');
    const file = path.join(dir, `redis_${version}.raw`);
    await packSquashfs(tree, file, compression);
    return file;
  } finally {
    await rm(tree, { recursive: true });
  }
}

/** Writes the same as a directory tree, for the system or for a user. */
export async function writeServerTree(
  settings: HostSettings,
  tree: string,
  version: string,
  scope: 'system' | 'user',
): Promise<void> {
  const debian = await hostTree(settings, 'bookworm', ['redis-server']);
  await writeImageTree(tree, {
    osRelease: {
      ID: 'redis-image',
      VERSION_ID: version,
      PORTABLE_PREFIXES: 'redis',
      ...(scope === 'user' ? { PORTABLE_SCOPE: 'user' } : {}),
    },
    files: {
      [`usr/lib/systemd/${scope}/${serverUnit}`]: serviceText(scope),
      'usr/share/redis/start': startScript(version),
    },
    directories: ['var/lib/redis-portable'],
    links: { bin: 'usr/bin', lib: 'usr/lib', lib64: 'usr/lib64' },
  });
  for (const program of ['/usr/bin/redis-server', '/usr/bin/redis-cli', '/bin/sh', '/bin/sleep']) {
    await copyProgram(debian, tree, program);
  }
}

function serviceText(scope: 'system' | 'user'): string {
  return `[Unit]
Description=Redis, as a portable service

[Service]
Type=notify
ExecStart=/bin/sh /usr/share/redis/start
StateDirectory=redis-portable
WorkingDirectory=%S/redis-portable

[Install]
WantedBy=${scope === 'user' ? 'default' : 'multi-user'}.target
`;
}

/** Starts the server; a child tells it which version of the image it runs from. */
function startScript(version: string): string {
  return `(
  until redis-cli -p ${serverPort} set version ${version}; do sleep 0.05; done
) >/dev/null 2>&1 &
exec redis-server --port ${serverPort} --bind 127.0.0.1 --supervised systemd --save '' --dir .
`;
}

/** Copies a program and the libraries it is linked with from one tree into another that also has /usr merged. */
async function copyProgram(from: string, to: string, program: string): Promise<void> {
  const listed = await execa('chroot', [from, 'ldd', program]);
  const libraries = [...listed.stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
  for (const file of [program, ...libraries]) {
    const merged = /^\/(bin|lib|lib64)\//.test(file) ? `/usr${file}` : file;
    const target = path.join(to, merged);
    if (await exists(target)) continue;
    await mkdir(path.dirname(target), { recursive: true });
    await cp(await resolveIn(from, merged), target);
  }
}

/** The file a link of a tree leads to, links taken as inside the tree. */
async function resolveIn(tree: string, file: string): Promise<string> {
  const target = await readlink(path.join(tree, file)).catch(() => undefined);
  if (target === undefined) return await realpath(path.join(tree, file));
  return await resolveIn(tree, path.resolve(path.dirname(file), target));
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
