/** Where the logical paths of a plan or journal are on disk, and which of them we may touch at all. */

import { lstatSync, statSync, type Stats } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

import { fileError, PortableError, quoted } from '../base/errors.ts';
import { isWithin } from '../base/logical-path.ts';
import { resolveInRoot } from '../base/root-path.ts';

/**
 * The base directories of one host root. Everything above and including a base may be reached through symlinks,
 * which are the administrator's choice; below a base nothing is followed.
 */
export class Places {
  readonly #bases: readonly string[];
  /** The bases and all directories on the way to them → where they are on disk. */
  readonly #onDisk: ReadonlyMap<string, string>;

  private constructor(bases: readonly string[], onDisk: ReadonlyMap<string, string>) {
    this.#bases = bases;
    this.#onDisk = onDisk;
  }

  /** @param bases absolute and normalized, as seen from the root */
  static open(root: string, bases: readonly string[]): Places {
    const onDisk = new Map<string, string>();
    for (const base of bases) {
      for (let at = base; !onDisk.has(at); at = dirname(at)) {
        onDisk.set(at, root === '/' ? at : resolveInRoot(root, at));
      }
    }
    return new Places(bases, onDisk);
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
    return [...this.#onDisk.keys()];
  }

  /** The path on disk of a base, of something in one, or of a directory on the way to one. */
  onDisk(path: string): string {
    const anchor = this.isArea(path) ? path : this.baseOf(path);
    return join(this.#onDisk.get(anchor) ?? anchor, path.slice(anchor.length));
  }

  /**
   * Where an entry for `path` keeps its temporary files: the base it is in or, as long as that does not exist, the
   * nearest directory on the way to it that does. A rename from there to the path stays within one file system.
   */
  areaOf(path: string): string {
    let area = this.baseOf(path);
    while (!this.#isDirectory(area)) area = dirname(area);
    return area;
  }

  /** Whether a base is a symlink to somewhere else: such a directory is not ours to remove. */
  isLink(base: string): boolean {
    const name = join(this.onDisk(dirname(base)), base.slice(dirname(base).length));
    return statAt(lstatSync, name, base)?.isSymbolicLink() === true;
  }

  #isDirectory(path: string): boolean {
    const found = statAt(statSync, this.onDisk(path), path);
    if (found?.isDirectory() === true) return true;
    if (found === undefined && path !== '/') return false;
    throw new PortableError('FileExists', `${quoted(path)} is not a directory`, { file: path });
  }
}

function statAt(call: typeof statSync, onDisk: string, path: string): Stats | undefined {
  try {
    return call(onDisk, { throwIfNoEntry: false });
  } catch (error) {
    throw fileError(error, 'look at', path);
  }
}

/** Absolute, without ".", "..", doubled or trailing slashes, or NUL. */
function isNormalized(path: string): boolean {
  const tidy = path.startsWith('/') && normalize(path) === path && !path.includes('\0');
  return tidy && (path === '/' || !path.endsWith('/'));
}
