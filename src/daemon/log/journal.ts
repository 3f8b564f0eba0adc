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
 * on making changes is not held up, either. Entries wait until no other came for `quietMs`, but no longer than `longestMs`.
 */
export interface Pace {
  readonly quietMs: number;
  readonly longestMs: number;
}

const usualPace: Pace = { quietMs: 100, longestMs: 5000 };

interface Waiting {
  readonly entry: Entry;
  /** As of performance.now(). */
  readonly since: number;
}

export class JournalWriter {
  readonly #identifier: string;
  readonly #pid: number;
  readonly #otherwise: (entry: Entry, reason: string) => void;
  readonly #pace: Pace;
  readonly #queue: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  /** Somebody waits for the queue to be empty. */
  #urgent = false;

  /** @param otherwise gets the entries that could not be handed to the journal, and why */
  constructor(
    identifier: string,
    pid: number,
    otherwise: (entry: Entry, reason: string) => void,
    pace = usualPace,
  ) {
    this.#identifier = identifier;
    this.#pid = pid;
    this.#otherwise = otherwise;
    this.#pace = pace;
  }

  /** Queues an entry; entries arrive in the order they were written in. */
  write(entry: Entry): void {
    this.#queue.push({ entry, since: performance.now() });
    if (this.#sending === undefined) this.#sendLater();
  }

  /** Resolves when everything written so far is in the journal, or was given to `otherwise`. Never rejects. */
  async flush(): Promise<void> {
    while (this.#queue.length > 0 || this.#sending !== undefined) {
      this.#urgent = true;
      await this.#sendNow();
    }
  }

  #sendLater(): void {
    clearTimeout(this.#timer);
    const wait = this.#dueIn();
    if (wait < Infinity) this.#timer = setTimeout(() => void this.#sendNow(), Math.max(0, wait));
  }

  #sendNow(): Promise<void> {
    clearTimeout(this.#timer);
    this.#sending ??= this.#sendAllDue().finally(() => {
      this.#sending = undefined;
      this.#urgent = false;
      this.#sendLater();
    });
    return this.#sending;
  }

  /** One after the other, for as long as nothing new comes in. */
  async #sendAllDue(): Promise<void> {
    while (this.#dueIn() <= 0) {
      const next = this.#queue.shift();
      if (next !== undefined) await this.#send(next.entry);
    }
  }

  /** Milliseconds until the oldest entry has to go; infinite when there is none. */
  #dueIn(): number {
    const [oldest, newest] = [this.#queue[0], this.#queue.at(-1)];
    if (oldest === undefined || newest === undefined) return Infinity;
    if (this.#urgent) return 0;
    const { quietMs, longestMs } = this.#pace;
    return Math.min(newest.since + quietMs, oldest.since + longestMs) - performance.now();
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
