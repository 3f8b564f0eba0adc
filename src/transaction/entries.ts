/**
 * What a transaction does to the host, in terms that can be done, undone and redone after a crash: the journal is
 * a list of these. Paths are logical: absolute as seen from the host root.
 *
 * Calls that only touch a directory entry or an inode are synchronous, here and in what builds on it: they take a few
 * µs, and ten times that through Node's thread pool. Whatever waits for a disk or moves data is not.
 */

import { lstatSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';

import { errnoOf } from '../base/errors.ts';
import type { Places } from './places.ts';
import { slotName } from './slots.ts';

/** Tells a file from another one of the same name; decimal numbers, as JSON has no 64-bit ones. */
export interface FileIdentity {
  readonly inode: string;
  /** Bytes. */
  readonly size: string;
  /** Modification time, ns since the epoch: renames and links leave it alone. */
  readonly modified: string;
}

/** What is staged: a tree is a directory with everything in it. */
export type Form = 'file' | 'link' | 'tree';

export type Entry =
  /** Create a directory that did not exist. */
  | { readonly op: 'mkdir'; readonly path: string; readonly mode: number }
  /** Place what is staged at a path where nothing was. */
  | {
      readonly op: 'put';
      readonly path: string;
      readonly area: string;
      readonly form: Form;
      readonly ours: FileIdentity;
    }
  /** Replace a file by the staged one. */
  | {
      readonly op: 'swap';
      readonly path: string;
      readonly area: string;
      readonly form: Form;
      readonly ours: FileIdentity;
      readonly before: FileIdentity;
    }
  /** Take a file, or a directory with everything in it, away. */
  | { readonly op: 'take'; readonly path: string; readonly area: string; readonly before: FileIdentity }
  /** Take a directory away if it is empty; where `path` is the area itself, after everything else. */
  | { readonly op: 'rmdir'; readonly path: string; readonly area: string };

/** What locating an entry takes. */
export interface Locatable {
  readonly op: Entry['op'];
  readonly path: string;
  readonly area?: string;
}

/** An entry, or one in the making, with its places on disk. */
export interface Located<E extends Locatable> {
  readonly entry: E;
  readonly target: string;
  /** Where the staged file is until it is put in place. */
  readonly staged: string;
  /** Where what was at `target` is kept. */
  readonly backup: string;
}

export type Move = Located<Entry>;

/** Finds the places on disk of the entries of the transaction `id`. */
export function locate<E extends Locatable>(
  entries: readonly E[],
  id: string,
  places: Places,
): readonly Located<E>[] {
  const located: Located<E>[] = [];
  for (const [index, entry] of entries.entries()) {
    const area = places.onDisk(entry.area ?? entry.path);
    located.push({
      entry,
      target: places.onDisk(entry.path),
      staged: join(area, slotName(id, index, 'new')),
      backup: join(area, slotName(id, index, 'old')),
    });
  }
  return located;
}

/** lstat(2), or undefined where nothing is. */
export function look(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** What a file will be recognised by. */
export function identityOf(stat: BigIntStats): FileIdentity {
  return { inode: String(stat.ino), size: String(stat.size), modified: String(stat.mtimeNs) };
}

/** Whether `stat` is the very file that was recorded, wherever it has been renamed to. */
export function isSame(stat: BigIntStats, recorded: FileIdentity): boolean {
  return String(stat.ino) === recorded.inode && (stat.isDirectory() || hasSameContent(stat, recorded));
}

/**
 * Whether something that was there before us still is. Of files without the inode number, which overlayfs may
 * change (kernel: Documentation/filesystems/overlayfs.rst, "Inode properties"); directories change by being used.
 */
export function isUnchanged(stat: BigIntStats, recorded: FileIdentity): boolean {
  return stat.isDirectory() ? String(stat.ino) === recorded.inode : hasSameContent(stat, recorded);
}

function hasSameContent(stat: BigIntStats, recorded: FileIdentity): boolean {
  return String(stat.size) === recorded.size && String(stat.mtimeNs) === recorded.modified;
}
