/** The tree that is installed into: the root of the running system, or --destdir. */
import {
  chmod,
  lstat,
  mkdir,
  readFile,
  readlink,
  rename,
  rmdir,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { ensureDir } from 'fs-extra/esm';

import { errnoOf } from '../base/errors.ts';
import { resolveInRoot } from '../base/root-path.ts';
import { fingerprintOfFile, fingerprintOfLink } from './manifest.ts';
import type { Target } from './targets.ts';

export class Tree {
  readonly #root: string;
  readonly #made: string[] = [];

  /** @param root "/" or the directory that stands for it */
  constructor(root: string) {
    this.#root = root;
  }

  /** The directories that were missing and have been made, outermost first. */
  get made(): readonly string[] {
    return this.#made;
  }

  /** Where a path of the installed system is on disk: links on the way lead to where they do there. */
  onDisk(path: string): string {
    return resolveInRoot(this.#root, path, { followLast: false });
  }

  /** What a path holds, as the manifest writes it down; undefined where nothing is, "other" for what we never make. */
  async fingerprint(path: string): Promise<string | undefined> {
    const file = this.onDisk(path);
    try {
      const found = await lstat(file);
      if (found.isSymbolicLink()) return fingerprintOfLink(await readlink(file));
      return found.isFile() ? fingerprintOfFile(await readFile(file)) : 'other';
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Puts a file or link in place, by rename, with the directories on the way to it. */
  async put({ path, is }: Target): Promise<void> {
    const file = this.onDisk(path);
    await this.makeDirectory(dirname(path));
    const temporary = `${file}.portabled-new`;
    await unlink(temporary).catch(ignoreMissing);
    if (is.kind === 'link') {
      await symlink(is.target, temporary);
    } else {
      await writeFile(temporary, is.content, { flag: 'wx' });
      await chmod(temporary, is.mode); // whatever the umask
    }
    await rename(temporary, file);
  }

  async makeDirectory(path: string): Promise<void> {
    const there = await lstat(this.onDisk(path)).catch(ignoreMissing);
    if (there !== undefined) return;
    if (path === '/') {
      await ensureDir(this.#root);
      return;
    }
    await this.makeDirectory(dirname(path));
    await mkdir(this.onDisk(path));
    await chmod(this.onDisk(path), 0o755);
    this.#made.push(path);
  }

  /** Missing is fine. */
  async remove(path: string): Promise<void> {
    await unlink(this.onDisk(path)).catch(ignoreMissing);
  }

  /** Missing is fine, and so is one that others still use. */
  async removeDirectoryIfEmpty(path: string): Promise<void> {
    await rmdir(this.onDisk(path)).catch((error: unknown) => {
      if (!isMissing(error) && errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EBUSY') throw error;
    });
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
  return undefined;
}

function isMissing(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
}
