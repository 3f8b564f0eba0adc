/** Standard error as the log's end: where it leads, and how to write to it without delay. */
import { fstatSync, writeSync } from 'node:fs';

import { errnoOf } from '../../base/errors.ts';

const stderr = 2;

/**
 * Whether standard error is the stream to the journal that `JOURNAL_STREAM` names (systemd.exec(5)): a process whose
 * standard error was redirected still has the variable.
 * @param journalStream the variable's value: device and inode number
 */
export function isJournalStream(journalStream: string | undefined): boolean {
  if (journalStream === undefined) return false;
  const { dev, ino } = fstatSync(stderr, { bigint: true });
  return journalStream === `${dev}:${ino}`;
}

/**
 * Writes a line at once, so that nothing is lost whatever happens next. A reader that went away, or a full disk, is no
 * reason for the daemon to stop: there is nobody to tell.
 */
export function writeStderr(line: string): void {
  const bytes = Buffer.from(line);
  let written = 0;
  for (let attempts = 0; written < bytes.length && attempts < maxAttempts; attempts++) {
    try {
      written += writeSync(stderr, bytes, written);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      if (errno !== 'EAGAIN') return;
    }
  }
}

/** A non-blocking pipe that stays full is given up on after this many tries. */
const maxAttempts = 100;
