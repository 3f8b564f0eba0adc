/** One mutation at a time on a host, whoever makes it: daemon, command line, offline tool. */

import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { fileError, PortableError, quoted } from '../base/errors.ts';
import { Mutex, type Release } from '../base/mutex.ts';
import { runTool } from '../base/tool.ts';

export interface Lock {
  /**
   * Resolves when the caller is the only one who may change attachments.
   * @throws PortableError Busy when others took too long, Cancelled on abort, file-system errors
   */
  acquire(signal?: AbortSignal): Promise<() => Promise<void>>;
}

export interface FileLockOptions {
  /** How long to wait for another process, in seconds (default 30). */
  readonly waitSeconds?: number;
}

/** The exit status we ask flock(1) to report a timeout with: EX_TEMPFAIL of sysexits.h. */
const timedOut = 75;

/**
 * A lock on a file: waiters of this process take turns, and so do processes, by flock(2). Node has no call for
 * that, but flock(1) locks any descriptor it inherits, and such a lock belongs to the open file, not to the
 * process that asked: it is ours when flock(1) has ended, and the kernel drops it when we die, even by SIGKILL.
 */
export class FileLock implements Lock {
  readonly #path: string;
  readonly #waitSeconds: number;
  readonly #turns = new Mutex();

  /** @param path on disk; created when missing, together with its directory */
  constructor(path: string, options: FileLockOptions = {}) {
    this.#path = path;
    this.#waitSeconds = options.waitSeconds ?? 30;
  }

  async acquire(signal?: AbortSignal): Promise<() => Promise<void>> {
    try {
      const release = await this.#turns.acquire(signal);
      return await this.#lockFile(release, signal);
    } catch (error) {
      if (signal?.aborted !== true) throw error;
      throw new PortableError('Cancelled', 'cancelled while waiting for another change to end', {
        cause: error,
      });
    }
  }

  async #lockFile(release: Release, signal: AbortSignal | undefined): Promise<() => Promise<void>> {
    let file: FileHandle | undefined;
    try {
      file = await openLockFile(this.#path);
      await this.#flock(file, signal);
    } catch (error) {
      await file?.close();
      release();
      throw error;
    }
    const held = file;
    return async () => {
      await held.close();
      release();
    };
  }

  async #flock(file: FileHandle, signal: AbortSignal | undefined): Promise<void> {
    const args = ['-x', '-w', String(this.#waitSeconds), '-E', String(timedOut), '3'];
    const status = await runTool('flock', args, {
      doing: `lock ${quoted(this.#path)}`,
      file: this.#path,
      signal,
      descriptor: file.fd,
      expect: [timedOut],
    });
    if (status !== timedOut) return;
    throw new PortableError(
      'Busy',
      `another process has been changing attachments for ${this.#waitSeconds} s`,
      { file: this.#path, hint: `"fuser ${this.#path}" shows which` },
    );
  }
}

async function openLockFile(path: string): Promise<FileHandle> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    return await open(path, 'a', 0o600);
  } catch (error) {
    throw fileError(error, 'open the lock', path);
  }
}
