/**
 * The journal of one transaction: a file that says what it does, and by its name which way it ends if nobody is
 * left to end it: ID.undo is taken back, ID.redo is completed. Renaming the one to the other is the decision.
 */

import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { errnoOf, fileError, type PortableError } from '../base/errors.ts';
import { makeDirectories } from '../base/make-directories.ts';
import { writeAll } from '../base/write-all.ts';
import { encodeJournal, type JournalRecord } from './journal-format.ts';
import { isTransactionId } from './slots.ts';

/** How a transaction ends after a crash. */
export type Direction = 'undo' | 'redo';

/** Larger than any transaction's; what is larger is not ours. */
const maxBytes = 64 * 1024 * 1024;

export class Journal {
  readonly id: string;
  readonly #directory: string;
  #direction: Direction;

  /** @param directory on disk */
  constructor(directory: string, id: string, direction: Direction) {
    this.#directory = directory;
    this.id = id;
    this.#direction = direction;
  }

  get direction(): Direction {
    return this.#direction;
  }

  /** On disk. */
  get path(): string {
    return join(this.#directory, `${this.id}.${this.#direction}`);
  }

  /**
   * Creates the journal, with nothing in it: of a transaction that may have staged files, but changed nothing so far.
   * @returns the directories that need an fsync for it
   */
  begin(): readonly string[] {
    const made = makeDirectories(this.#directory, 0o700);
    try {
      closeSync(openSync(this.path, 'wx', 0o600));
    } catch (error) {
      throw fileError(error, 'begin the journal', this.path);
    }
    return [this.#directory, ...made.map((path) => dirname(path))];
  }

  /**
   * Writes what has been begun, not yet fsynced: whatever a crash leaves of it up to then is not a valid journal, and
   * nothing is changed before.
   */
  write(record: JournalRecord): void {
    try {
      const file = openSync(this.path, 'r+');
      try {
        writeAll(file, encodeJournal(record));
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw fileError(error, 'write the journal', this.path);
    }
  }

  /** What is in the file, to be decoded; undefined when it is too large to be a journal of ours. */
  read(): Buffer | undefined {
    try {
      const { size } = statSync(this.path);
      return size > maxBytes ? undefined : readFileSync(this.path);
    } catch (error) {
      throw fileError(error, 'read the journal', this.path);
    }
  }

  /** Changes which way the transaction ends. */
  turn(direction: Direction): void {
    if (direction === this.#direction) return;
    const next = new Journal(this.#directory, this.id, direction);
    try {
      renameSync(this.path, next.path);
    } catch (error) {
      throw fileError(error, `decide the transaction (${direction}) in`, this.path);
    }
    this.#direction = direction;
  }

  /** Removes the journal or, failing that, empties it, which means the same to whoever finds it. */
  remove(): void {
    try {
      rmSync(this.path, { force: true });
    } catch (error) {
      this.#empty(fileError(error, 'remove the journal', this.path));
    }
  }

  #empty(otherwise: PortableError): void {
    try {
      truncateSync(this.path);
    } catch {
      throw otherwise; // why it could not be removed says more
    }
  }

  /** Moves a journal that cannot be read out of the way, for people to look at. @returns its new path */
  setAside(): string {
    const aside = join(this.#directory, `${this.id}.corrupt`);
    try {
      renameSync(this.path, aside);
    } catch (error) {
      throw fileError(error, 'set the journal aside', this.path);
    }
    return aside;
  }
}

/**
 * The journals in a directory; anything else there is left alone. A directory that does not exist has none.
 * @throws PortableError when the directory cannot be read
 */
export function listJournals(directory: string): readonly Journal[] {
  const names = namesIn(directory);
  return names.flatMap((name) => {
    const [id = '', direction = ''] = splitName(name);
    const valid = isTransactionId(id) && (direction === 'undo' || direction === 'redo');
    return valid ? [new Journal(directory, id, direction)] : [];
  });
}

/** The ids of all transactions that have a journal of any sort there, set aside ones included. */
export function journalledIds(directory: string): readonly string[] {
  return namesIn(directory)
    .map((name) => splitName(name)[0] ?? '')
    .filter(isTransactionId);
}

function splitName(name: string): readonly string[] {
  return name.split('.', 2);
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fileError(error, 'list the journals in', directory);
  }
}
