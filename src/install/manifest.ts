/** The list of what an installation put where, kept with it, so that it can be taken away again to the last file. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { errnoOf } from '../base/errors.ts';

export interface Manifest {
  readonly version: 1;
  /** Path → "sha256:…" of a file's content or "link:…" of a symlink's target. */
  readonly files: Readonly<Record<string, string>>;
  /** Directories that were not there before, outermost first. */
  readonly directories: readonly string[];
}

export const emptyManifest: Manifest = { version: 1, files: {}, directories: [] };

/**
 * @param file the manifest, on disk
 * @returns undefined where nothing is installed
 * @throws Error when it is not a manifest: then we do not know what is ours
 */
export async function readManifest(file: string): Promise<Manifest | undefined> {
  try {
    return checkManifest(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new Error(`${file} is not the list of an installation that this version knows`, { cause: error });
  }
}

/** What a manifest says of a file with this content. */
export function fingerprintOfFile(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** What a manifest says of a symlink that leads there. */
export function fingerprintOfLink(target: string): string {
  return `link:${target}`;
}

function checkManifest(value: unknown): Manifest {
  const { version, files, directories } = value as Partial<Record<keyof Manifest, unknown>>;
  const listed: readonly unknown[] = Array.isArray(directories) ? directories : [undefined];
  const paths = [...Object.keys(Object(files) as object), ...listed];
  const sane = paths.every(
    (path) => typeof path === 'string' && path.startsWith('/') && !path.includes('/../'),
  );
  if (version !== 1 || !sane) throw new Error('version or paths are wrong');
  return value as Manifest;
}
