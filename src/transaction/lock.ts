/** One mutation at a time on a host, whoever makes it: daemon, command line, offline tool. */

import { spawn } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { errnoOf, fileError, PortableError, quoted } from '../base/errors.ts';
import { makeDirectories } from '../base/make-directories.ts';
import { Mutex } from '../base/mutex.ts';

/** Gives a lock back. */
export type Unlock = () => Promise<void>;

export interface Lock {
  /**
   * Resolves when the caller is the only one who may change attachments.
   * @throws PortableError Busy when others took too long, Cancelled on abort, file-system errors
   */
  acquire(signal?: AbortSignal): Promise<Unlock>;
}

export interface FileLockOptions {
  /** How long to wait for another process, in seconds (default 30). */
  readonly waitSeconds?: number;
  /**
   * How long the file stays locked after a change, in ms, in case another one follows (default 250; 0 = not at all).
   * Locking costs as much as the rest of a small change.
   */
  readonly lingerMs?: number;
}

/** The exit status we ask flock(1) to report a timeout with: EX_TEMPFAIL of sysexits.h. */
const timedOut = 75;

/** A series of changes without a pause lets other processes in this often, in ms. */
const longestSeries = 2000;

/** An open and locked file. */
interface Held {
  readonly file: number;
  readonly since: number;
}

/**
 * A lock on a file: waiters of this process take turns, and so do processes, by flock(2). Node has no call for
 * that, but flock(1) locks any descriptor it inherits, and such a lock belongs to the open file, not to the
 * process that asked: it is ours when flock(1) has ended, and the kernel drops it when we die, even by SIGKILL.
 */
export class FileLock implements Lock {
  readonly #path: string;
  readonly #waitSeconds: number;
  readonly #lingerMs: number;
  readonly #turns = new Mutex();
  #lingering: (Held & { readonly timer: NodeJS.Timeout }) | undefined;

  /**
   * @param path on disk: a file, created when missing, together with its directory; or a directory, which is locked
   *   itself and gets nothing put into it
   */
  constructor(path: string, options: FileLockOptions = {}) {
    this.#path = path;
    this.#waitSeconds = options.waitSeconds ?? 30;
    this.#lingerMs = options.lingerMs ?? 250;
  }

  async acquire(signal?: AbortSignal): Promise<Unlock> {
    try {
      const release = await this.#turns.acquire(signal);
      try {
        const held = this.#resume() ?? (await this.#lockFile(signal));
        return () => {
          this.#letGo(held);
          release();
          return Promise.resolve();
        };
      } catch (error) {
        release();
        throw error;
      }
    } catch (error) {
      if (signal?.aborted !== true) throw error;
      const message = 'cancelled while waiting for another change to attachments';
      throw new PortableError('Cancelled', message, { cause: error });
    }
  }

  /** The file as the last change left it, if it is still locked. */
  #resume(): Held | undefined {
    const held = this.#lingering;
    clearTimeout(held?.timer);
    this.#lingering = undefined;
    return held;
  }

  #letGo(held: Held): void {
    if (this.#lingerMs === 0 || Date.now() - held.since > longestSeries) {
      closeSync(held.file);
      return;
    }
    const close = () => {
      this.#lingering = undefined;
      closeSync(held.file);
    };
    this.#lingering = { ...held, timer: setTimeout(close, this.#lingerMs).unref() };
  }

  async #lockFile(signal: AbortSignal | undefined): Promise<Held> {
    const file = openLockFile(this.#path);
    try {
      await this.#flock(file, signal);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    return { file, since: Date.now() };
  }

  async #flock(file: number, signal: AbortSignal | undefined): Promise<void> {
    const status = await runFlock(file, this.#waitSeconds, signal);
    if (status === 0) return;
    if (status === timedOut) {
      throw new PortableError(
        'Busy',
        `another process has been changing attachments for ${this.#waitSeconds} s`,
        { file: this.#path, hint: `"fuser ${this.#path}" shows which` },
      );
    }
    throw new PortableError('Failed', `cannot lock ${quoted(this.#path)}: flock ended with ${status}`, {
      file: this.#path,
    });
  }
}

/**
 * The lock of a host: a file that goes with the next boot, or the root itself of a tree that is not running, which is
 * to be left as if nobody had been there.
 */
export function hostLock(root: string, lockFile: string): FileLock {
  return new FileLock(root === '/' ? lockFile : root);
}

function openLockFile(path: string): number {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return openSync(path, 'r');
    makeDirectories(dirname(path));
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw fileError(error, 'open the lock', path);
  }
}

/** Plain spawn: every change to the host waits for this, and execa would double its few ms. @returns how it ended */
function runFlock(file: number, seconds: number, signal: AbortSignal | undefined): Promise<number | string> {
  return new Promise((resolve, reject) => {
    const args = ['-x', '-w', String(seconds), '-E', String(timedOut), '3'];
    const child = spawn('flock', args, {
      stdio: ['ignore', 'ignore', 'ignore', file],
      ...(signal === undefined ? {} : { signal }),
    });
    child.on('error', (error) => reject(errnoOf(error) === 'ENOENT' ? notInstalled(error) : error));
    child.on('exit', (status, killedBy) => resolve(status ?? killedBy ?? 'no status'));
  });
}

function notInstalled(cause: Error): PortableError {
  return new PortableError('NotSupported', 'changes are locked with flock(1), which is not installed', {
    cause,
    hint: 'install util-linux',
  });
}
