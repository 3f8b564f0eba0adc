/** Ends the transactions that somebody began and did not live to end. */

import { messageOf, PortableError, quoted } from '../base/errors.ts';
import { changedDirectories, Durability } from './durability.ts';
import { locate, look, type Move } from './entries.ts';
import { journalDirsOf, type TransactionEnvironment } from './environment.ts';
import { hasBackups, removeAreas, removeLeftovers, removeSlots } from './finish.ts';
import { journalledIds, listJournals, type Journal } from './journal.ts';
import { decodeJournal, isTorn, type JournalRecord } from './journal-format.ts';
import { directoryLabel } from './labels.ts';
import { redoMove, reopenMove, undoMove } from './moves.ts';
import { Places } from './places.ts';
import type { Plan } from './steps.ts';

/** What became of an interrupted transaction. */
export interface RecoveredTransaction {
  readonly id: string;
  /** Its journal, on disk; gone unless the outcome is "set-aside" (then its new place) or "failed". */
  readonly journal: string;
  /** Undefined where the journal cannot be read. */
  readonly kind?: Plan['kind'];
  readonly subject?: string;
  /**
   * rolled-back: the host is as before it. completed: all of it is done. nothing-done: it died before it changed
   * anything. set-aside: its journal is damaged, nothing was touched. failed: will be tried again.
   */
  readonly outcome: 'rolled-back' | 'completed' | 'nothing-done' | 'set-aside' | 'failed';
  /** Why, for set-aside and failed. */
  readonly error?: unknown;
}

/**
 * To be called by whoever starts: ends every interrupted transaction and removes temporary files without one.
 * Holds the lock, so that no transaction under way is taken for a dead one. Can be interrupted and run again.
 *
 * @throws PortableError Busy, Cancelled, or when the directories cannot be read; what fails for one transaction is
 *   logged and reported in its record
 */
export async function recover(env: TransactionEnvironment): Promise<readonly RecoveredTransaction[]> {
  const release = await env.lock.acquire(env.signal);
  try {
    const recovered = await recoverJournals(env);
    const journalled = new Set<string>();
    for (const directory of journalDirsOf(env)) {
      for (const id of journalledIds(directory)) journalled.add(id);
    }
    await removeLeftovers(Places.open(env.root, env.bases), (id) => !journalled.has(id), env.log);
    return recovered;
  } finally {
    await release();
  }
}

/** The part of recovery that costs next to nothing where there is nothing to do. The lock must be held. */
async function recoverJournals(env: TransactionEnvironment): Promise<readonly RecoveredTransaction[]> {
  const recovered: RecoveredTransaction[] = [];
  for (const directory of journalDirsOf(env)) {
    for (const journal of listJournals(directory)) {
      const record = await recoverOne(journal, directory, env);
      report(record, env);
      recovered.push(record);
    }
  }
  return recovered;
}

/**
 * What a crash left must be ended before anything new is done on top of it. The lock must be held.
 * @throws PortableError why one could not be ended
 */
export async function endInterrupted(env: TransactionEnvironment): Promise<void> {
  for (const { outcome, error } of await recoverJournals(env)) if (outcome === 'failed') throw error;
}

async function recoverOne(
  journal: Journal,
  directory: string,
  env: TransactionEnvironment,
): Promise<RecoveredTransaction> {
  const places = Places.open(env.root, env.bases);
  const known = { id: journal.id, journal: journal.path };
  try {
    const bytes = journal.read();
    const record = decode(bytes, journal.id, places);
    if (record instanceof PortableError) {
      return { ...known, ...(await dropDamaged(journal, bytes, record, places, env)) };
    }
    const moves = locate(record.entries, journal.id, places);
    await end(journal, moves, directory, env);
    const outcome = journal.direction === 'redo' ? 'completed' : 'rolled-back';
    return { ...known, kind: record.kind, subject: record.subject, outcome };
  } catch (error) {
    return { ...known, outcome: 'failed', error };
  }
}

/** The journal, or what is wrong with it. */
function decode(bytes: Buffer | undefined, id: string, places: Places): JournalRecord | PortableError {
  if (bytes === undefined) return new PortableError('LimitsExceeded', 'too large for a journal');
  try {
    return decodeJournal(bytes, id, places);
  } catch (error) {
    if (error instanceof PortableError) return error;
    throw error;
  }
}

/** Every step of this can be repeated, up to the journal's removal, which comes when all else is on disk. */
async function end(
  journal: Journal,
  moves: readonly Move[],
  directory: string,
  env: TransactionEnvironment,
): Promise<void> {
  const durability = new Durability();
  const onForeign = (path: string) => {
    env.log.warning(`${quoted(path)} was changed by somebody else meanwhile and stays as it is`);
  };
  if (journal.direction === 'redo') {
    const placing = isPlacing(moves);
    for (const move of moves) reopenMove(move);
    for (const move of moves) redoMove(move, placing, onForeign);
    const made = moves.filter(({ entry, target }) => entry.op === 'mkdir' && look(target) !== undefined);
    await env.labels?.set(made.map(directoryLabel));
  } else {
    for (const move of [...moves].reverse()) undoMove(move, onForeign);
  }
  await durability.sync({ directories: changedDirectories(moves) });
  await removeSlots(moves);
  if (journal.direction === 'redo') removeAreas(moves);
  journal.remove();
  await durability.sync({ directories: [directory] });
}

function isPlacing(moves: readonly Move[]): boolean {
  return moves.some(({ staged }) => look(staged) !== undefined);
}

/**
 * A journal that was never complete belongs to a transaction that had not begun to change anything. One that is
 * damaged otherwise, or cut short although originals have been put aside, is kept for people, with all its files.
 */
async function dropDamaged(
  journal: Journal,
  bytes: Buffer | undefined,
  error: PortableError,
  places: Places,
  env: TransactionEnvironment,
): Promise<Pick<RecoveredTransaction, 'journal' | 'outcome' | 'error'>> {
  if (bytes !== undefined && isTorn(bytes) && !hasBackups(journal.id, places)) {
    await removeLeftovers(places, (id) => id === journal.id, env.log);
    journal.remove();
    return { journal: journal.path, outcome: 'nothing-done' };
  }
  return { journal: journal.setAside(), outcome: 'set-aside', error };
}

function report(record: RecoveredTransaction, { log }: TransactionEnvironment): void {
  const { outcome, journal, error } = record;
  const what = `the interrupted ${record.kind ?? 'transaction'} of ${quoted(record.subject ?? record.id)}`;
  if (outcome === 'failed')
    log.error(`${what} could not be ended: ${messageOf(error)} (journal: ${journal})`);
  else if (outcome === 'set-aside') {
    log.error(`${what} has a damaged journal, set aside as ${journal}: ${messageOf(error)}`);
  } else log.notice(`${what} was ended: ${outcome}`);
}
