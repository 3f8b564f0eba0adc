/** A real server from Debian's packages as a container image: an OCI layout of two layers, as a registry would have it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { ociFiles, writeFiles } from '../support/container-image.ts';
import type { Config } from '../support/container-image.ts';
import { tarArchive } from '../support/tar-archive.ts';
import { hostTree } from './bootstrap.ts';
import type { HostSettings } from './settings.ts';

const programs = ['/usr/bin/redis-server', '/usr/bin/dash', '/usr/bin/cat'];

/** Writes the layout into a new directory below `dir`, and returns it. */
export async function writeServerContainer(
  settings: HostSettings,
  dir: string,
  config: Config,
): Promise<string> {
  const debian = await hostTree(settings, 'bookworm', ['redis-server']);
  const layout = await mkdtemp(path.join(dir, 'layout-'));
  const setup = tarArchive([
    { path: 'bin', type: '2', target: 'usr/bin' },
    { path: 'usr/bin/sh', type: '2', target: 'dash' },
    { path: 'etc/passwd', content: 'root:x:0:0::/root:/bin/sh\nredis:x:987:654::/data:/bin/sh\n' },
    { path: 'etc/group', content: 'root:x:0:\ncache:x:321:\n' },
    { path: 'etc/os-release', content: 'ID=debian\nVERSION_ID=12\nPRETTY_NAME="Debian in a container"\n' },
    { path: 'usr/share/secret', content: 'for the server only\n', mode: 0o400, uid: 987, gid: 321 },
    { path: 'usr/share/.wh.doc', content: '' },
  ]);
  const layers = [await debianLayer(debian), setup];
  writeFiles(layout, ociFiles([{ layers, config }]));
  return layout;
}

/** The programs and the libraries they are linked with, in a merged /usr, and something that goes away again. */
async function debianLayer(debian: string): Promise<Buffer> {
  const { stdout } = await execa('chroot', [debian, 'ldd', ...programs]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
  const files = [...new Set([...programs, ...libraries])].map((file) =>
    file.replace(/^\/(?=lib)/, '/usr/').slice(1),
  );
  const archives = await mkdtemp(path.join(tmpdir(), 'layer-'));
  try {
    const archive = path.join(archives, 'layer.tar');
    const links = ['lib', 'lib64', 'usr/share/doc/redis-server'];
    await execa('tar', [
      '-C',
      debian,
      '-cf',
      archive,
      '--dereference',
      '--hard-dereference',
      '--owner=0',
      '--group=0',
      ...files,
    ]);
    await execa('tar', ['-C', debian, '-rf', archive, ...links]);
    const { stdout: bytes } = await execa('cat', [archive], { encoding: 'buffer' });
    return Buffer.from(bytes);
  } finally {
    await rm(archives, { recursive: true });
  }
}
