/**
 * Entries with fields of their own, which standard error cannot carry. journald takes them on a datagram socket that
 * Node cannot speak to; logger(1) of util-linux, which every systemd host has, can: `logger --journald`.
 */
import { messageOf } from '../../base/errors.ts';
import { journalText, type Entry } from './entry.ts';

/** Longer than this logger does not get: journald is wedged, and the entry goes to standard error instead. */
const loggerTimeoutMs = 5000;

/**
 * Starting a process takes as long as a small change: whoever asked for the change gets the answer first, and who goes
 * on asking is not held up, either. Entries wait until there was none for so long,
 */
const quietMs = 100;
/** but not longer than this. */
const longestMs = 1000;

export class JournalWriter {
  readonly #identifier: string;
  readonly #pid: number;
  readonly #otherwise: (entry: Entry, reason: string) => void;
  readonly #queue: Entry[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** When the oldest entry in the queue has to go, as of Date.now(). */
  #deadline = 0;
  #last: Promise<void> = Promise.resolve();

  /** @param otherwise gets the entries that could not be handed to the journal, and why */
  constructor(identifier: string, pid: number, otherwise: (entry: Entry, reason: string) => void) {
    this.#identifier = identifier;
    this.#pid = pid;
    this.#otherwise = otherwise;
  }

  /** Queues an entry; entries arrive in the order they were written in. */
  write(entry: Entry): void {
    const now = Date.now();
    if (this.#queue.length === 0) this.#deadline = now + longestMs;
    this.#queue.push(entry);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), Math.max(0, Math.min(quietMs, this.#deadline - now)));
  }

  /** Resolves when everything written so far is in the journal, or was given to `otherwise`. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const entry of this.#queue.splice(0)) this.#last = this.#last.then(() => this.#send(entry));
    return this.#last;
  }

  async #send(entry: Entry): Promise<void> {
    try {
      const { execa } = await import('execa');
      await execa('logger', ['--journald'], {
        input: journalText(entry, this.#identifier, this.#pid),
        stdout: 'ignore',
        // it may finish what it has been given; and watching for our own end costs a dozen signal handlers each time
        cleanup: false,
        timeout: loggerTimeoutMs,
      });
    } catch (error) {
      this.#otherwise(entry, messageOf(error));
    }
  }
}
