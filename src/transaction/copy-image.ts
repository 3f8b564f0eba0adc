/**
 * Copies a whole image, a file or a directory tree, to where it is staged: as a snapshot or by reflinks where the file
 * system can, with holes, hard links, extended attributes, owners, modes, times, device nodes and pipes as they are.
 *
 * Tools of the base system rather than Node's calls: they can be ended at any moment, and know of all of the above.
 * Should we die, so do they (prctl(2), PR_SET_PDEATHSIG): nobody writes into what recovery removes.
 */
import { closeSync, constants, openSync, statfsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough } from 'node:stream';

import { fileError, PortableError, quoted } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { btrfsMagic, subvolumeInode } from '../base/subvolume.ts';
import { runTool, type ToolOptions } from '../base/tool.ts';
import { reportCopy } from './copy-report.ts';
import { allocatedBytes, checkSpace, withFigures } from './copy-space.ts';

/** Paths on disk, but for `path`, which is what the copy will be called on the host. */
export interface ImageCopy {
  readonly source: string;
  readonly staged: string;
  readonly path: string;
}

export interface CopyContext {
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  readonly copyReportMs?: number | undefined;
  /** Told, a few times a second, how far a copy is that takes a while. */
  readonly copying?: ((copy: CopyProgress) => void) | undefined;
}

/** How far a copy is. */
export interface CopyProgress {
  /** What the copy will be called on the host. */
  readonly path: string;
  /** Bytes. */
  readonly done: number;
  /** Bytes; undefined where nobody knows. */
  readonly total: number | undefined;
}

/**
 * @throws PortableError naming both files: not enough space (System.Error.ENOSPC, with how much is needed and how much
 *   is there) and other failures, what was copied so far stays for the caller to remove; the reason of an abort
 */
export async function copyImage(copy: ImageCopy, context: CopyContext): Promise<void> {
  if (await snapshot(copy, context)) return;
  const opened = open(copy);
  try {
    const total = await allocatedBytes(opened.path, context.signal);
    const free = checkSpace(copy, total);
    const report = reportCopy(copy, total, context);
    try {
      await copyOpened(copy, opened, { signal: context.signal, started: report.started });
    } catch (error) {
      throw withFigures(error, copy, { total, free });
    } finally {
      report.end();
    }
  } finally {
    closeSync(opened.descriptor);
  }
}

/**
 * A btrfs subvolume is copied as one where the copy is on the same file system: at once, whatever its size. Subvolumes
 * inside of it are left out, as they are by systemd.
 * @returns whether that was possible
 */
async function snapshot({ source, staged, path }: ImageCopy, { signal }: CopyContext): Promise<boolean> {
  const found = statSync(source, { bigint: true });
  if (!found.isDirectory() || found.ino !== subvolumeInode) return false;
  const [from, to] = [source, dirname(staged)].map((each) => statfsSync(each));
  if (from?.type !== btrfsMagic || to?.type !== btrfsMagic) return false;
  const doing = `copy ${quoted(source)} to ${quoted(path)}`;
  try {
    await runTool('btrfs', ['subvolume', 'snapshot', '--', source, staged], { doing, file: path, signal });
    return true;
  } catch (error) {
    // another btrfs, somebody else's subvolume, no btrfs-progs: a copy is made then
    if (error instanceof PortableError) return false;
    throw error;
  }
}

interface Opened {
  readonly descriptor: number;
  /** Leads to the very file that was opened, for ourselves and the tools. */
  readonly path: string;
  readonly isTree: boolean;
}

/** From here on it does not matter what the source's path leads to. */
function open({ source, path }: ImageCopy): Opened {
  try {
    const descriptor = openSync(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const at = `/proc/${process.pid}/fd/${descriptor}`;
    return { descriptor, path: at, isTree: statSync(at).isDirectory() };
  } catch (error) {
    throw fileError(error, `copy to ${quoted(path)}`, source);
  }
}

async function copyOpened(
  { source, staged, path }: ImageCopy,
  opened: Opened,
  how: Pick<ToolOptions, 'signal' | 'started'>,
): Promise<void> {
  const options = { ...how, doing: `copy ${quoted(source)} to ${quoted(path)}`, file: path };
  if (opened.isTree && (await isShared(opened.path, options))) {
    await copyShared(opened.path, staged, options);
  } else {
    const copy = ['cp', '-aH', '--reflink=auto', '--sparse=auto', '-T', '--', opened.path, staged];
    await runTool('setpriv', [...dyingWithUs, ...copy], options);
  }
}

const dyingWithUs = ['--pdeathsig', 'KILL', '--'];

/** Whether somebody else may rename things in the tree while it is copied. */
async function isShared(at: string, { doing, file, signal }: ToolOptions): Promise<boolean> {
  const ours = ['(', '-uid', '0', '-o', '-uid', String(process.geteuid?.() ?? 0), ')'];
  const test = ['-type', 'd', '(', '-perm', '/022', '-o', '!', ...ours, ')', '-print', '-quit'];
  return (await runTool('find', ['-H', at, ...test], { doing, file, signal })) !== '';
}

/**
 * Copies a tree that others may change meanwhile. cp(1) opens files by their whole paths, on which a directory may have
 * become a link by then; tar(1) goes by directory handles and never follows one. It has no reflinks.
 */
async function copyShared(at: string, staged: string, options: ToolOptions): Promise<void> {
  await mkdir(staged, { mode: 0o700 });
  const all = ['--acls', '--xattrs', '--xattrs-include=*', '--numeric-owner', '--sparse'];
  const create = ['tar', '--create', '--format=posix', ...all, '--file=-', `--directory=${at}`, '.'];
  const keep = ['--preserve-permissions', '--delay-directory-restore'];
  const extract = ['tar', '--extract', ...all, ...keep, '--file=-', `--directory=${staged}`];
  const archive = new PassThrough();
  await together(options.signal, (signal) => [
    // 1: some file changed while it was read, which is what this is for
    runTool('setpriv', [...dyingWithUs, ...create], { ...options, signal, output: archive, alsoGood: [1] }),
    runTool('setpriv', [...dyingWithUs, ...extract], { ...options, signal, input: archive }),
  ]);
}

/**
 * Runs several programs at once: the first that fails ends the others.
 * @throws what the first one failed with
 */
async function together(
  outer: AbortSignal | undefined,
  start: (signal: AbortSignal) => readonly Promise<unknown>[],
): Promise<void> {
  const ended = new AbortController();
  const running = start(AbortSignal.any([ended.signal, ...(outer === undefined ? [] : [outer])]));
  try {
    await Promise.all(running);
  } catch (error) {
    ended.abort(error);
    await Promise.allSettled(running);
    throw error;
  }
}
