/**
 * Doing, undoing and redoing one entry. Each can be interrupted anywhere and run again, and none of them destroys
 * anything: what is not at its target is under one of the entry's two temporary names.
 */

import { chmod, link, mkdir, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';

import { errnoOf, fileError, PortableError, quoted } from '../base/errors.ts';
import { isSame, isUnchanged, look, type Entry, type FileIdentity, type Form, type Move } from './entries.ts';

/** Called with a path that was left alone because somebody else changed it meanwhile. */
export type OnForeign = (path: string) => void;

/**
 * Carries an entry out for the first time.
 * @returns whether that changed anything. Directories that are their own area wait for finish.ts.
 * @throws PortableError naming the path; FileExists when something appeared there since the survey
 */
export async function doMove(move: Move): Promise<boolean> {
  const { entry } = move;
  try {
    switch (entry.op) {
      case 'mkdir':
        return await makeDirectory(move.target, entry.mode);
      case 'put':
        await put(move, entry.form);
        return true;
      case 'swap':
        await swap(move);
        return true;
      case 'take':
        return await take(move);
      case 'rmdir':
        return !isOwnArea(entry) && (await takeIfEmpty(move));
    }
  } catch (error) {
    throw fileError(error, phrases[entry.op], entry.path);
  }
}

/**
 * Brings back what was there before an entry was, perhaps, carried out. What somebody else put in its place since
 * is left alone.
 */
export async function undoMove(move: Move, onForeign: OnForeign): Promise<void> {
  const { entry } = move;
  try {
    if (entry.op === 'mkdir') await removeIfEmpty(move.target);
    else if (entry.op === 'put') await undoPut(move, entry.ours);
    else if (entry.op === 'swap') await undoSwap(move, entry.ours, onForeign);
    else await bringBack(move, onForeign);
  } catch (error) {
    throw fileError(error, 'restore', entry.path);
  }
}

/**
 * Carries out what is left of an entry, of a transaction that was decided before the crash.
 * @param placing something of this transaction is still staged. If not, its directories were all made, and who
 *   removed one since did so on purpose.
 */
export async function redoMove(move: Move, placing: boolean, onForeign: OnForeign): Promise<void> {
  const { entry } = move;
  try {
    if (entry.op === 'mkdir') await redoMkdir(move.target, entry.mode, placing);
    else if (entry.op === 'put') await redoPut(move, entry.form, onForeign);
    else if (entry.op === 'swap') await redoSwap(move, entry.before, onForeign);
    else if (entry.op === 'take') await redoTake(move, entry.before, onForeign);
    else await redoRmdir(move);
  } catch (error) {
    throw fileError(error, phrases[entry.op], entry.path);
  }
}

/** A directory that its own temporary files are in can only go after them. */
export function isOwnArea(entry: Entry): boolean {
  return entry.op === 'rmdir' && entry.path === entry.area;
}

/** Removes a directory unless something is in it, or mounted on it. @returns whether it did */
export async function removeIfEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path);
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

async function makeDirectory(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && (await look(path))?.isDirectory() === true) return false;
    throw error;
  }
  await chmod(path, mode); // mkdir(2) heeds the umask
  return true;
}

/** The staged name of a file stays, as a second link, until the end: a crash then cannot lose it between the two. */
async function put({ entry, staged, target }: Move, form: Form): Promise<void> {
  if (form !== 'tree' && (await linked(staged, target))) return;
  if ((await look(target)) !== undefined) {
    throw new PortableError('FileExists', `${quoted(entry.path)} exists already`, { file: entry.path });
  }
  await rename(staged, target);
}

async function swap({ entry, staged, target, backup }: Move): Promise<void> {
  if (!(await linked(target, backup))) {
    const found = await look(target);
    if (found?.isDirectory() === true) {
      throw new PortableError('FileExists', `${quoted(entry.path)} is a directory now`, { file: entry.path });
    }
    if (found !== undefined) await rename(target, backup);
  }
  await rename(staged, target);
}

async function take({ target, backup }: Move): Promise<boolean> {
  try {
    await rename(target, backup);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Takes a directory away, by a rename rather than rmdir(2): it can come back as the same one. */
async function takeIfEmpty({ target, backup }: Move): Promise<boolean> {
  if (!(await isEmptyDirectory(target))) return false;
  try {
    await rename(target, backup);
  } catch (error) {
    if (['EBUSY', 'EXDEV', 'ENOENT'].includes(errnoOf(error) ?? '')) return false; // a mount point, or gone
    throw error;
  }
  if (await isEmptyDirectory(backup)) return true;
  await rename(backup, target); // somebody was quicker
  return false;
}

async function undoPut({ staged, target }: Move, ours: FileIdentity): Promise<void> {
  const found = await look(target);
  if (found === undefined || !isSame(found, ours)) return;
  if ((await look(staged)) === undefined) await rename(target, staged);
  else await unlink(target);
}

async function undoSwap(move: Move, ours: FileIdentity, onForeign: OnForeign): Promise<void> {
  const { staged, target, backup } = move;
  const found = await look(target);
  if (found === undefined || !isSame(found, ours)) {
    await bringBack(move, onForeign);
  } else if ((await look(backup)) === undefined) {
    await undoPut(move, ours);
  } else {
    if ((await look(staged)) === undefined) await linked(target, staged);
    await rename(backup, target);
  }
}

async function bringBack({ entry, target, backup }: Move, onForeign: OnForeign): Promise<void> {
  const kept = await look(backup);
  if (kept === undefined) return;
  const found = await look(target);
  if (found === undefined) await rename(backup, target);
  else if (found.ino !== kept.ino) onForeign(entry.path);
}

async function redoMkdir(path: string, mode: number, placing: boolean): Promise<void> {
  if (placing) await makeDirectory(path, mode);
}

async function redoPut(move: Move, form: Form, onForeign: OnForeign): Promise<void> {
  const staged = await look(move.staged);
  if (staged === undefined) return;
  const found = await look(move.target);
  if (found === undefined) await put(move, form);
  else if (found.ino !== staged.ino) onForeign(move.entry.path);
}

async function redoSwap(move: Move, before: FileIdentity, onForeign: OnForeign): Promise<void> {
  const staged = await look(move.staged);
  if (staged === undefined) return;
  const found = await look(move.target);
  if (found?.ino === staged.ino) return;
  if (found !== undefined && !isUnchanged(found, before)) {
    onForeign(move.entry.path);
    return;
  }
  if ((await look(move.backup))?.ino === found?.ino) await removeFile(move.backup); // its second name
  await swap(move);
}

async function redoTake(move: Move, before: FileIdentity, onForeign: OnForeign): Promise<void> {
  if ((await look(move.backup)) !== undefined) return;
  const found = await look(move.target);
  if (found === undefined) return;
  if (isUnchanged(found, before)) await take(move);
  else onForeign(move.entry.path);
}

async function redoRmdir(move: Move): Promise<void> {
  if (!isOwnArea(move.entry) && (await look(move.backup)) === undefined) await takeIfEmpty(move);
}

/**
 * Gives a file a second name, which must be free.
 * @returns false where that is not possible: the file is gone, the file system has no hard links, or the kernel
 *   does not allow them to files of others (fs.protected_hardlinks)
 */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (['ENOENT', 'EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EXDEV'].includes(errno))
      return false;
    throw error;
  }
}

async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

async function isEmptyDirectory(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length === 0;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}
