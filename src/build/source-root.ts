/**
 * The tree that an image is built from: "/" or a directory that stands for it. Symlinks are followed as after chroot(2),
 * and each one on the way is reported, so that the image can have it as well.
 *
 * What the builder reads is what its caller chose and may read; a tree that somebody else changes meanwhile may make a
 * build fail, or give other contents, but names of it are never looked up outside of it.
 */
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';
import path from 'node:path';

import { errnoOf, fileError, PortableError, quoted } from '../base/errors.ts';
import { joinTarget } from './tree.ts';

/** As many as the kernel follows in one look-up: path_resolution(7). */
const maxLinks = 40;

/** A symlink: where it is, and what is in it. */
export interface FoundLink {
  readonly path: string;
  readonly target: string;
}

export interface FoundSource {
  /** The path it really has. */
  readonly path: string;
  readonly stat: Stats;
  /** The symlinks that were followed, in order. */
  readonly links: readonly FoundLink[];
}

export class SourceRoot {
  /** Absolute, without symlinks. */
  readonly directory: string;
  readonly #links = new Map<string, string | undefined>();

  /** @throws PortableError when `directory` is none, or not ours to read */
  constructor(directory: string) {
    try {
      this.directory = realpathSync(directory);
      readdirSync(this.directory);
    } catch (error) {
      throw fileError(error, 'use as source root', directory);
    }
  }

  /** Where a path without symlinks is on disk. */
  onDisk(real: string): string {
    return path.join(this.directory, real);
  }

  /**
   * What is at an absolute path; undefined when there is nothing.
   * @throws PortableError Loop; file-system errors, such as AccessDenied
   */
  find(inside: string, followLast = true): FoundSource | undefined {
    const pending = inside.split('/');
    const links: FoundLink[] = [];
    let real = '';
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      if (name === '' || name === '.') continue;
      if (name === '..') {
        real = real.slice(0, Math.max(0, real.lastIndexOf('/')));
        continue;
      }
      const here = `${real}/${name}`;
      const target = followLast || pending.some((each) => each !== '') ? this.#linkTarget(here) : undefined;
      if (target === undefined) {
        real = here;
        continue;
      }
      links.push({ path: here, target });
      if (links.length > maxLinks) {
        const message = `too many levels of symbolic links at ${quoted(inside)}`;
        throw new PortableError('Loop', message, { file: inside });
      }
      if (target.startsWith('/')) real = '';
      pending.unshift(...target.split('/'));
    }
    const stat = this.#attempt('look at', real, () => lstatSync(this.onDisk(real)));
    return stat && { path: real === '' ? '/' : real, stat, links };
  }

  /** The names in a directory without symlinks on the way, in the order of their bytes. */
  list(real: string): readonly string[] {
    const names = this.#attempt('list', real, () => readdirSync(this.onDisk(real), { encoding: 'buffer' }));
    return (names ?? []).sort((a, b) => Buffer.compare(a, b)).map((name) => nameOf(name, real));
  }

  #linkTarget(real: string): string | undefined {
    if (!this.#links.has(real)) {
      const target = this.#attempt('resolve', real, () => readlinkSync(this.onDisk(real)));
      this.#links.set(real, target);
    }
    return this.#links.get(real);
  }

  /** Missing is undefined, and so is no symlink to readlink(2). */
  #attempt<T>(doing: string, real: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'EINVAL'].includes(errnoOf(error) ?? '')) return undefined;
      throw fileError(error, doing, this.onDisk(real));
    }
  }
}

/** The names in a directory of this machine, as `list`. @throws PortableError */
export function listLocal(directory: string): readonly string[] {
  try {
    const names = readdirSync(directory, { encoding: 'buffer' });
    return names.sort((a, b) => Buffer.compare(a, b)).map((name) => nameOf(name, directory));
  } catch (error) {
    throw fileError(error, 'list', directory);
  }
}

/** What a path of this machine leads to, symlinks followed. @throws PortableError FileNotFound and the like */
export function statLocal(file: string): Stats {
  try {
    return statSync(file);
  } catch (error) {
    throw fileError(error, 'read', file);
  }
}

function nameOf(bytes: Buffer, directory: string): string {
  const name = bytes.toString();
  if (Buffer.from(name).equals(bytes)) return name;
  throw new PortableError('NotSupported', `${quoted(joinTarget(`${directory}/`, name))} is not UTF-8`, {
    file: directory,
    hint: 'rename it',
  });
}
