/** Where the logical paths of a plan or journal are on disk, and which of them we may touch at all. */

import { lstat, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

import { errnoOf, fileError, PortableError, quoted } from '../base/errors.ts';
import { resolveInRoot } from '../base/root-path.ts';

/**
 * The base directories of one host root. Everything above and including a base may be reached through symlinks,
 * which are the administrator's choice; below a base nothing is followed.
 */
export class Places {
  readonly #root: string;
  readonly #bases: readonly string[];
  readonly #resolved = new Map<string, Promise<string>>();

  constructor(root: string, bases: readonly string[]) {
    this.#root = root;
    this.#bases = bases;
  }

  /**
   * The base that `path` is in, or is.
   * @throws PortableError InvalidArgs for a path outside of all of them, or not absolute and normalized
   */
  baseOf(path: string): string {
    const found = this.#bases.filter((base) => isWithin(path, base)).sort((a, b) => b.length - a.length)[0];
    if (isNormalized(path) && found !== undefined) return found;
    throw new PortableError('InvalidArgs', `${quoted(path)} is not a place for attachments`, {
      file: path,
      hint: `expected something below ${this.#bases.join(' or ')}`,
    });
  }

  /** Whether `path` is a base or a directory on the way to one, so that temporary files may be in it. */
  isArea(path: string): boolean {
    return isNormalized(path) && this.#bases.some((base) => isWithin(base, path));
  }

  /** Every directory that may hold temporary files: the bases and all directories on the way to them. */
  areas(): readonly string[] {
    const areas = new Set<string>();
    for (const base of this.#bases) {
      for (let at = base; !areas.has(at); at = dirname(at)) areas.add(at);
    }
    return [...areas];
  }

  /** The path on disk of a base, of something in one, or of a directory on the way to one. */
  async onDisk(path: string): Promise<string> {
    const anchor = this.isArea(path) ? path : this.baseOf(path);
    return join(await this.#resolve(anchor), path.slice(anchor.length));
  }

  /**
   * Where an entry for `path` keeps its temporary files: the base it is in or, as long as that does not exist, the
   * nearest directory on the way to it that does. A rename from there to the path stays within one file system.
   */
  async areaOf(path: string): Promise<string> {
    let area = this.baseOf(path);
    while (!(await this.#isDirectory(area))) area = dirname(area);
    return area;
  }

  /** Whether a base is a symlink to somewhere else: such a directory is not ours to remove. */
  async isLink(base: string): Promise<boolean> {
    const name = join(await this.#resolve(dirname(base)), base.slice(dirname(base).length));
    try {
      return (await lstat(name)).isSymbolicLink();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw fileError(error, 'look at', base);
    }
  }

  async #isDirectory(path: string): Promise<boolean> {
    try {
      if ((await stat(await this.#resolve(path))).isDirectory()) return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' && path !== '/') return false;
      throw fileError(error, 'look at', path);
    }
    throw new PortableError('FileExists', `${quoted(path)} is there, but not a directory`, { file: path });
  }

  #resolve(path: string): Promise<string> {
    const known = this.#resolved.get(path) ?? resolveInRoot(this.#root, path);
    this.#resolved.set(path, known);
    return known;
  }
}

/** Absolute, without ".", "..", doubled or trailing slashes, or NUL. */
function isNormalized(path: string): boolean {
  const tidy = path.startsWith('/') && normalize(path) === path && !path.includes('\0');
  return tidy && (path === '/' || !path.endsWith('/'));
}

/** Whether `path` is `directory` or below it. */
export function isWithin(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}
