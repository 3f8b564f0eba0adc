/** Images to test with: trees described in a few lines, packed as directories or squashfs files. */
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { idleProgram } from './idle-program.ts';

/** Compressors that the kernel reads in squashfs. */
export const squashfsCompressions = ['gzip', 'xz', 'zstd', 'lz4', 'lzo'] as const;

/** A squashfs compressor. */
export type SquashfsCompression = (typeof squashfsCompressions)[number];

/** What is in an image. */
export interface ImageContents {
  /** os-release fields; false leaves the file out. Default: ID=test, VERSION_ID=1. */
  readonly osRelease?: Readonly<Record<string, string>> | false;
  /** Unit name → text, put below /usr/lib/systemd/system. */
  readonly units?: Readonly<Record<string, string>>;
  /** Path → content. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Directories beyond those every image has, such as a StateDirectory= to mount on. */
  readonly directories?: readonly string[];
  /** Path → link target. */
  readonly links?: Readonly<Record<string, string>>;
  /** Path → extended attributes. */
  readonly attributes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Nothing but what is listed here: no mount points, no program. */
  readonly bare?: boolean;
  /** Makes it an extension: its name, the file's fields, and which kind. */
  readonly extension?: {
    readonly name: string;
    readonly kind: 'sysext' | 'confext';
    readonly fields: Readonly<Record<string, string>>;
  };
}

/** A service that starts and then waits for ever; its program is in every image that is not an extension. */
export const idleService = '[Service]\nExecStart=/usr/bin/idle\n';

/** Writes an image as a directory tree, with the mount points that a portable service needs. */
export async function writeImageTree(dir: string, contents: ImageContents): Promise<void> {
  const put = async (file: string, content: string | Uint8Array): Promise<void> => {
    await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
    await writeFile(path.join(dir, file), content);
  };
  await mkdir(dir, { recursive: true });
  const { extension, bare = false } = contents;
  if (extension === undefined && !bare) {
    for (const name of ['proc', 'sys', 'dev', 'run', 'tmp', 'var/tmp']) {
      await mkdir(path.join(dir, name), { recursive: true });
    }
    await put('etc/resolv.conf', '');
    await put('etc/machine-id', '');
    await put('usr/bin/idle', idleProgram());
    await chmod(path.join(dir, 'usr/bin/idle'), 0o755);
    const { osRelease = { ID: 'test', VERSION_ID: '1' } } = contents;
    if (osRelease !== false) await put('usr/lib/os-release', assignments(osRelease));
  }
  if (extension !== undefined) {
    const base = extension.kind === 'sysext' ? 'usr/lib' : 'etc';
    await put(
      `${base}/extension-release.d/extension-release.${extension.name}`,
      assignments(extension.fields),
    );
  }
  for (const [name, text] of Object.entries(contents.units ?? {}))
    await put(`usr/lib/systemd/system/${name}`, text);
  for (const [file, content] of Object.entries(contents.files ?? {})) await put(file, content);
  for (const name of contents.directories ?? []) await mkdir(path.join(dir, name), { recursive: true });
  for (const [file, target] of Object.entries(contents.links ?? {})) {
    await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
    await symlink(target, path.join(dir, file));
  }
  for (const [file, attributes] of Object.entries(contents.attributes ?? {})) {
    for (const [name, value] of Object.entries(attributes)) {
      await execa('setfattr', ['-n', name, '-v', value, path.join(dir, file)]);
    }
  }
  await chmod(dir, 0o755);
}

/** Writes an image as a squashfs file, owned by root, the same bytes for the same contents. */
export async function writeSquashfsImage(
  file: string,
  contents: ImageContents,
  compression: SquashfsCompression = 'zstd',
): Promise<void> {
  const tree = await mkdtemp(path.join(tmpdir(), 'image-'));
  try {
    await writeImageTree(tree, contents);
    await packSquashfs(tree, file, compression);
  } finally {
    await rm(tree, { recursive: true });
  }
}

/** Packs a directory of this machine as squashfs, replacing the file. */
export async function packSquashfs(
  tree: string,
  file: string,
  compression: SquashfsCompression = 'zstd',
): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const times = ['-all-time', '0', '-mkfs-time', '0'];
  await execa('mksquashfs', [
    tree,
    file,
    '-noappend',
    '-quiet',
    '-no-progress',
    '-all-root',
    '-comp',
    compression,
    ...times,
  ]);
}

/** Lines of KEY=VALUE with every value quoted, os-release(5). */
function assignments(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}="${value.replaceAll(/["\\$`]/g, '\\$&')}"\n`)
    .join('');
}
