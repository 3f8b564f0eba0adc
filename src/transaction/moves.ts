/**
 * Doing, undoing and redoing one entry. Each can be interrupted anywhere and run again, and none of them destroys
 * anything: what is not at its target is under one of the entry's two temporary names.
 */

import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';

import { errnoOf, fileError, PortableError, quoted } from '../base/errors.ts';
import { isSame, isUnchanged, look, type Entry, type FileIdentity, type Form, type Move } from './entries.ts';

/** Called with a path that was left alone because somebody else changed it meanwhile. */
export type OnForeign = (path: string) => void;

/**
 * Carries an entry out for the first time.
 * @returns whether that changed anything. Directories that are their own area wait for finish.ts.
 * @throws PortableError naming the path; FileExists when something appeared there since the survey
 */
export function doMove(move: Move): boolean {
  const { entry } = move;
  try {
    switch (entry.op) {
      case 'mkdir':
        return makeDirectory(move.target, entry.mode);
      case 'put':
        put(move, entry.form);
        return true;
      case 'swap':
        swap(move);
        return true;
      case 'take':
        return take(move);
      case 'rmdir':
        return !isOwnArea(entry) && takeIfEmpty(move);
    }
  } catch (error) {
    throw fileError(error, phrases[entry.op], entry.path);
  }
}

/**
 * Brings back what was there before an entry was, perhaps, carried out. What somebody else put in its place since
 * is left alone.
 */
export function undoMove(move: Move, onForeign: OnForeign): void {
  const { entry } = move;
  try {
    if (entry.op === 'mkdir') removeIfEmpty(move.target);
    else if (entry.op === 'put') undoPut(move, entry.ours);
    else if (entry.op === 'swap') undoSwap(move, entry.ours, onForeign);
    else bringBack(move, onForeign);
  } catch (error) {
    throw fileError(error, 'restore', entry.path);
  }
}

/**
 * Before anything is redone: puts directories back that were taken away empty but have something in them. Either a
 * file came in the moment before, or the power failed when the disk knew of the directory's new name but not yet of
 * those of the files that had been in it (btrfs).
 */
export function reopenMove({ entry, target, backup }: Move): void {
  if (entry.op !== 'rmdir' || look(backup) === undefined || isEmptyDirectory(backup)) return;
  try {
    if (look(target) === undefined) renameSync(backup, target);
  } catch (error) {
    throw fileError(error, 'restore', entry.path);
  }
}

/**
 * Carries out what is left of an entry, of a transaction that was decided before the crash.
 * @param placing something of this transaction is still staged. If not, its directories were all made, and who
 *   removed one since did so on purpose.
 */
export function redoMove(move: Move, placing: boolean, onForeign: OnForeign): void {
  const { entry } = move;
  try {
    if (entry.op === 'mkdir') {
      if (placing) makeDirectory(move.target, entry.mode);
    } else if (entry.op === 'put') redoPut(move, entry.form, onForeign);
    else if (entry.op === 'swap') redoSwap(move, entry.before, onForeign);
    else if (entry.op === 'take') redoTake(move, entry.before, onForeign);
    else redoRmdir(move);
  } catch (error) {
    throw fileError(error, phrases[entry.op], entry.path);
  }
}

/** A directory that its own temporary files are in can only go after them. */
export function isOwnArea(entry: Entry): boolean {
  return entry.op === 'rmdir' && entry.path === entry.area;
}

/** Removes a directory unless something is in it, or mounted on it. @returns whether it did */
export function removeIfEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EBUSY'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** What was being done, as it fits after "cannot". */
const phrases: Readonly<Record<Entry['op'], string>> = {
  mkdir: 'create directory',
  put: 'put in place',
  swap: 'replace',
  take: 'remove',
  rmdir: 'remove directory',
};

function makeDirectory(path: string, mode: number): boolean {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && look(path)?.isDirectory() === true) return false;
    throw error;
  }
  chmodSync(path, mode); // mkdir(2) heeds the umask
  return true;
}

/** The staged name of a file stays, as a second link, until the end: a crash then cannot lose it between the two. */
function put({ entry, staged, target }: Move, form: Form): void {
  if (form !== 'tree' && linked(staged, target)) return;
  if (look(target) !== undefined) {
    throw new PortableError('FileExists', `${quoted(entry.path)} exists already`, { file: entry.path });
  }
  renameSync(staged, target);
}

function swap({ entry, staged, target, backup }: Move): void {
  if (!linked(target, backup)) {
    const found = look(target);
    if (found?.isDirectory() === true) {
      throw new PortableError('FileExists', `${quoted(entry.path)} is a directory now`, { file: entry.path });
    }
    if (found !== undefined) renameSync(target, backup);
  }
  renameSync(staged, target);
}

function take({ target, backup }: Move): boolean {
  try {
    renameSync(target, backup);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Takes a directory away, by a rename rather than rmdir(2): it can come back as the same one. */
function takeIfEmpty({ target, backup }: Move): boolean {
  if (!isEmptyDirectory(target)) return false;
  try {
    renameSync(target, backup);
  } catch (error) {
    if (['EBUSY', 'EXDEV', 'ENOENT'].includes(errnoOf(error) ?? '')) return false; // a mount point, or gone
    throw error;
  }
  if (isEmptyDirectory(backup)) return true;
  renameSync(backup, target); // somebody was quicker
  return false;
}

function undoPut({ staged, target }: Move, ours: FileIdentity): void {
  const found = look(target);
  if (found === undefined || !isSame(found, ours)) return;
  if (look(staged) === undefined) renameSync(target, staged);
  else unlinkSync(target);
}

function undoSwap(move: Move, ours: FileIdentity, onForeign: OnForeign): void {
  const { staged, target, backup } = move;
  const found = look(target);
  if (found === undefined || !isSame(found, ours)) {
    bringBack(move, onForeign);
  } else if (look(backup) === undefined) {
    undoPut(move, ours);
  } else {
    if (look(staged) === undefined) linked(target, staged);
    renameSync(backup, target);
  }
}

function bringBack({ entry, target, backup }: Move, onForeign: OnForeign): void {
  const kept = look(backup);
  if (kept === undefined) return;
  const found = look(target);
  if (found !== undefined ? found.ino !== kept.ino : look(dirname(target)) === undefined)
    onForeign(entry.path);
  else if (found === undefined) renameSync(backup, target);
}

function redoPut(move: Move, form: Form, onForeign: OnForeign): void {
  const staged = look(move.staged);
  if (staged === undefined) return;
  const found = look(move.target);
  if (found === undefined) put(move, form);
  else if (found.ino !== staged.ino) onForeign(move.entry.path);
}

function redoSwap(move: Move, before: FileIdentity, onForeign: OnForeign): void {
  const staged = look(move.staged);
  if (staged === undefined) return;
  const found = look(move.target);
  if (found?.ino === staged.ino) return;
  if (found !== undefined && !isUnchanged(found, before)) {
    onForeign(move.entry.path);
    return;
  }
  if (look(move.backup)?.ino === found?.ino) removeFile(move.backup); // its second name
  swap(move);
}

function redoTake(move: Move, before: FileIdentity, onForeign: OnForeign): void {
  const found = look(move.target);
  if (found === undefined) return;
  // After a power loss a renamed file can be found under both names (btrfs, when only one directory was synced)
  const backup = look(move.backup);
  if (found.ino === backup?.ino) unlinkSync(move.target);
  else if (backup === undefined && isUnchanged(found, before)) take(move);
  else onForeign(move.entry.path);
}

function redoRmdir(move: Move): void {
  if (!isOwnArea(move.entry) && look(move.backup) === undefined) takeIfEmpty(move);
}

/**
 * Gives a file a second name, which must be free.
 * @returns false where that is not possible: the file is gone, the file system has no hard links, or the kernel
 *   does not allow them to files of others (fs.protected_hardlinks)
 */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (['ENOENT', 'EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EXDEV'].includes(errno))
      return false;
    throw error;
  }
}

function removeFile(path: string): void {
  rmSync(path, { force: true });
}

function isEmptyDirectory(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}
