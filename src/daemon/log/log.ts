/**
 * The daemon's log: pino in the middle, levels and targets that can be changed while we run (LogControl1), and
 * standard error or the journal at the end. pino is loaded with the first entry that is to be written, which on most
 * runs is after the first call has been answered; entries wait for it, and are written without it if we exit first.
 */
import type { JournalFields, Log } from '../../base/log.ts';
import { prefixedLine, readableLine, type Entry } from './entry.ts';
import { JournalWriter } from './journal.ts';
import { parseLogLevel, priorityOf, type LogLevel } from './levels.ts';
import { isLogTarget, outputOf, type LogTarget, type Output } from './targets.ts';

export interface LogSettings {
  readonly level: LogLevel;
  readonly target: LogTarget;
  /** What we are called in the journal. */
  readonly identifier: string;
  readonly pid: number;
  /** Standard error is a stream to the journal. */
  readonly toJournal: boolean;
  /** Whether lines on standard error are coloured. */
  readonly colour: () => boolean;
  /** Writes to standard error, at once. */
  readonly write: (line: string) => void;
}

/** The log, and what LogControl1 and the end of the process need of it. */
export class DaemonLog implements Log {
  readonly identifier: string;
  #level: LogLevel;
  #target: LogTarget;
  readonly #settings: LogSettings;
  readonly #journal: JournalWriter;
  readonly #waiting: Entry[] = [];
  #logger: ((entry: Entry) => void) | undefined;
  #loading: Promise<void> | undefined;
  #loggerMissing = false;

  constructor(settings: LogSettings) {
    this.#settings = settings;
    this.#level = settings.level;
    this.#target = settings.target;
    this.identifier = settings.identifier;
    this.#journal = new JournalWriter(settings.identifier, settings.pid, (entry, reason) => {
      this.#journalFailed(entry, reason);
    });
  }

  get level(): LogLevel {
    return this.#level;
  }

  get target(): LogTarget {
    return this.#target;
  }

  /** Takes effect at once. @returns whether there is such a level */
  setLevel(text: string): boolean {
    const level = parseLogLevel(text);
    this.#level = level ?? this.#level;
    return level !== undefined;
  }

  /** Takes effect at once. @returns whether there is such a target */
  setTarget(text: string): boolean {
    const known = isLogTarget(text);
    if (known) this.#target = text;
    return known;
  }

  debug(message: string, fields: JournalFields = {}): void {
    this.#log({ level: 'debug', message, fields });
  }

  info(message: string, fields: JournalFields = {}): void {
    this.#log({ level: 'info', message, fields });
  }

  notice(message: string, fields: JournalFields = {}): void {
    this.#log({ level: 'notice', message, fields });
  }

  warning(message: string, fields: JournalFields = {}): void {
    this.#log({ level: 'warning', message, fields });
  }

  error(message: string, fields: JournalFields = {}): void {
    this.#log({ level: 'err', message, fields });
  }

  /** Resolves when every entry so far has been written. */
  async flush(): Promise<void> {
    await this.#loading;
    await this.#journal.flush();
  }

  /** For the very end of the process, when nothing asynchronous runs any more: writes what still waits. */
  flushNow(): void {
    for (const entry of this.#waiting.splice(0)) this.#writeText(entry);
  }

  #log(entry: Entry): void {
    if (priorityOf(entry.level) > priorityOf(this.#level) || this.#output() === 'none') return;
    if (this.#logger !== undefined) {
      this.#logger(entry);
      return;
    }
    this.#waiting.push(entry);
    this.#loading ??= this.#load();
  }

  async #load(): Promise<void> {
    const { pinoLogger } = await import('./pino.ts');
    this.#logger = pinoLogger((entry, json) => {
      this.#write(entry, json);
    });
    for (const entry of this.#waiting.splice(0)) this.#logger(entry);
  }

  #write(entry: Entry, json: string): void {
    const output = this.#output();
    if (output === 'json') {
      this.#settings.write(json);
    } else if (output === 'journal' && Object.keys(entry.fields).length > 0 && !this.#loggerMissing) {
      this.#journal.write(entry);
    } else {
      this.#writeText(entry);
    }
  }

  #writeText(entry: Entry): void {
    const { write, identifier, colour, toJournal } = this.#settings;
    const output = this.#output();
    if (output === 'none') return;
    const prefixed = output === 'prefixed' || (output === 'journal' && toJournal);
    write(prefixed ? prefixedLine(entry) : readableLine(entry, identifier, colour()));
  }

  #journalFailed(entry: Entry, reason: string): void {
    this.#writeText(entry);
    if (this.#loggerMissing) return;
    this.#loggerMissing = true;
    const message = `entries with fields go to the journal as plain lines from now on: ${reason}`;
    this.#writeText({ level: 'warning', message, fields: {} });
  }

  #output(): Output {
    return outputOf(this.#target, this.#settings.toJournal);
  }
}
