/** What is at paths of the host, as text that is the same where the same is there. */
import { createHash, type Hash } from 'node:crypto';
import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';

import { errnoOf } from '../../base/errors.ts';
import { readSmallFile } from '../../base/small-file.ts';
import { keptFiles } from './kept-files.ts';

export interface Likeness {
  /**
   * "link TARGET", "file MODE CONTENT", "directory MODE", "other MODE"; undefined where nothing is.
   * @param image what is there is a copy of an image: of a directory, everything in it counts
   * @throws PortableError, or a system error, where it cannot be read
   */
  readonly of: (path: string, image?: 'image') => string | undefined;
  readonly close: () => void;
}

/** Larger files are not read, but kept open: copies of disk images, and what others have put beside our files. */
const maxReadBytes = 64 * 1024;

export function likenesses(): Likeness {
  const kept = keptFiles();
  const fileLike = (path: string, size: number): string => {
    const content = size > maxReadBytes ? undefined : readSmallFile(path, maxReadBytes);
    if (content === undefined || content === 'other') return `${size} ${kept.number(path)}`;
    return createHash('sha256').update(content).digest('hex');
  };
  return {
    of: (path, image) => {
      const status = statusOf(path);
      if (status === undefined) return undefined;
      if (status.isSymbolicLink()) return `link ${readlinkSync(path)}`;
      const mode = (status.mode & 0o7777).toString(8);
      if (status.isFile()) return `file ${mode} ${fileLike(path, status.size)}`;
      if (!status.isDirectory()) return `other ${status.mode.toString(8)}`;
      return image === undefined ? `directory ${mode}` : `directory ${mode} ${treeDigest(path)}`;
    },
    close: kept.close,
  };
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * A digest of everything in a tree, with files as their sizes and the times they were written: what was copied has
 * the times of what it was copied from.
 */
function treeDigest(top: string): string {
  const hash = createHash('sha256');
  const add = (directory: string, depth: number): void => {
    for (const name of readdirSync(directory).sort()) {
      const path = join(directory, name);
      const status = lstatSync(path);
      addEntry(hash, depth, name, path, status);
      if (status.isDirectory()) add(path, depth + 1);
    }
  };
  add(top, 0);
  return hash.digest('hex');
}

function addEntry(hash: Hash, depth: number, name: string, path: string, status: Stats): void {
  const { mode, uid, gid, size, mtimeMs } = status;
  const is = status.isFile()
    ? [size, Math.trunc(mtimeMs)]
    : status.isSymbolicLink()
      ? [readlinkSync(path)]
      : [status.rdev];
  hash.update(`${JSON.stringify([depth, name, mode, uid, gid, ...is])}\n`);
}
