/** One transaction: prepare, commit, finish, or roll back. */

import { dirname } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { messageOf, PortableError, quoted } from '../base/errors.ts';
import { changedDirectories, Durability, type FileToSync } from './durability.ts';
import type { Entry, Form, Located, Move } from './entries.ts';
import type { TransactionEnvironment } from './environment.ts';
import { removeAreas, removeSlots } from './finish.ts';
import { Journal, type Direction } from './journal.ts';
import { directoryLabel, stagedLabel } from './labels.ts';
import { doMove, undoMove } from './moves.ts';
import { isPlacing, stage } from './stage.ts';
import type { Done, Plan, Step } from './steps.ts';
import type { Draft, PlacingDraft } from './survey.ts';

/** What recovery makes of a journal. */
const ending: Readonly<Record<Direction, string>> = { undo: 'takes it back', redo: 'completes it' };

/** How many files are handled before other work gets a turn. */
const batch = 32;

export class Transaction {
  readonly #plan: Plan;
  readonly #drafts: readonly Located<Draft>[];
  readonly #env: TransactionEnvironment;
  readonly #durability = new Durability();
  readonly #journal: Journal;
  #mayHaveJournal = false;
  #moves: readonly Move[] = [];
  /** The moves that changed something, or may have before they failed. */
  readonly #made = new Set<Move>();

  constructor(plan: Plan, id: string, drafts: readonly Located<Draft>[], env: TransactionEnvironment) {
    this.#plan = plan;
    this.#drafts = drafts;
    this.#env = env;
    this.#journal = new Journal(env.journalDir, id, plan.kind === 'detach' ? 'redo' : 'undo');
  }

  /** Stages and journals; at the end both are on disk, after one wait for it, two where whole images are copied. */
  async prepare(): Promise<void> {
    const { kind, subject } = this.#plan;
    this.#mayHaveJournal = true;
    const journalDirectories = this.#journal.begin();
    // half a copy is too large to be left lying about after a power loss
    if (this.#copiesImages()) await this.#durability.sync({ directories: journalDirectories });
    this.#moves = await this.#stage();
    await this.#env.labels?.set(this.#moves.flatMap(stagedLabel), this.#env.signal);
    this.#journal.write({
      id: this.#journal.id,
      kind,
      subject,
      entries: this.#moves.map(({ entry }) => entry),
    });
    const areas = this.#staged().map(({ onDisk }) => dirname(onDisk));
    await this.#durability.sync({
      files: [...this.#staged('file'), { onDisk: this.#journal.path, path: this.#journal.path }],
      trees: this.#staged('tree'),
      directories: [...areas, ...journalDirectories],
    });
  }

  /** Puts everything in place. The decision is the journal's turn to "redo": with it on disk there is no way back. */
  async commit(): Promise<void> {
    for (const [index, move] of this.#moves.entries()) {
      await this.#giveTurn(index);
      this.#made.add(move);
      if (!doMove(move)) this.#made.delete(move);
      else if (move.entry.op === 'mkdir') await this.#env.labels?.set([directoryLabel(move)]);
    }
    if (this.#journal.direction === 'undo') {
      this.#journal.turn('redo');
      if (this.#moves.some(keepsOriginal))
        await this.#durability.sync({ directories: [this.#env.journalDir] });
    }
    await this.#durability.sync({ directories: [...changedDirectories(this.#made), this.#env.journalDir] });
  }

  /** Tidies up. What fails here is left to the next recovery: the transaction is over. */
  async finish(): Promise<readonly Done[]> {
    try {
      await removeSlots(this.#moves);
      removeAreas(this.#moves, this.#made);
      this.#journal.remove();
    } catch (error) {
      this.#warn('is complete, but its temporary files will stay until the next start', error);
    }
    return this.#moves.flatMap((move, index) => {
      const step = this.#drafts[index]?.entry.step;
      return step !== undefined && this.#made.has(move) ? [{ step }] : [];
    });
  }

  /** Brings the host back to what it was. @returns the error to throw */
  async rollBack(reason: unknown): Promise<unknown> {
    const failures = this.#undo();
    if (failures.length > 0) {
      this.#warn(`could not be taken back; the next start ${ending[this.#journal.direction]}`, failures[0]);
      return this.#halfWay(reason, failures);
    }
    try {
      await this.#durability.sync({ directories: changedDirectories(this.#made) });
      await removeSlots(this.#drafts);
      if (this.#mayHaveJournal) {
        this.#journal.remove();
        await this.#durability.sync({ directories: [this.#env.journalDir] });
      }
    } catch (error) {
      this.#warn('was taken back, but its temporary files will stay until the next start', error);
    }
    return this.#env.signal?.aborted === true ? this.#cancelled(reason) : reason;
  }

  async #stage(): Promise<readonly Move[]> {
    const { progress } = this.#env;
    const total = this.#drafts.filter(({ entry }) => isPlacing(entry)).length;
    const moves: Move[] = [];
    let ready = 0;
    for (const { entry: draft, ...places } of this.#drafts) {
      await this.#giveTurn(moves.length);
      if (isPlacing(draft)) {
        moves.push({ ...places, entry: await stage(draft, places.staged, this.#env) });
        progress?.(++ready, total);
      } else moves.push({ ...places, entry: withoutStep(draft) });
    }
    return moves;
  }

  /** Lets others of this process go on now and then, and notices an abort. */
  async #giveTurn(index: number): Promise<void> {
    if (index % batch === batch - 1) await turn();
    this.#env.signal?.throwIfAborted();
  }

  /** @returns what could not be undone, and why */
  #undo(): readonly unknown[] {
    const failures: unknown[] = [];
    if (this.#made.size > 0) this.#turnBack();
    for (const move of [...this.#made].reverse()) {
      try {
        undoMove(move, (path) => {
          this.#env.log.warning(`${quoted(path)} was changed by somebody else meanwhile and stays as it is`);
        });
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  /** So that a crash while we undo leaves the rest of the undoing to recovery. */
  #turnBack(): void {
    try {
      this.#journal.turn('undo');
    } catch (error) {
      this.#warn('is being taken back, but its journal still says otherwise', error);
    }
  }

  #copiesImages(): boolean {
    return this.#plan.steps.some(({ kind }) => kind === 'copy-image');
  }

  /** What is staged, of one form or all. */
  #staged(form?: Form): readonly FileToSync[] {
    return this.#moves.flatMap(({ entry, staged }) => {
      const isPlaced = entry.op === 'put' || entry.op === 'swap';
      return isPlaced && (form === undefined || entry.form === form)
        ? [{ onDisk: staged, path: entry.path }]
        : [];
    });
  }

  #warn(what: string, error: unknown): void {
    const { kind, subject } = this.#plan;
    this.#env.log.warning(`the ${kind} of ${quoted(subject)} ${what}: ${messageOf(error)}`, {
      PORTABLE_JOURNAL: this.#journal.path,
    });
  }

  #cancelled(cause: unknown): PortableError {
    const { kind, subject } = this.#plan;
    return new PortableError('Cancelled', `the ${kind} of ${quoted(subject)} was cancelled`, { cause });
  }

  #halfWay(reason: unknown, failures: readonly unknown[]): PortableError {
    const what = failures.map(messageOf).join('; ');
    const [code, file] = reason instanceof PortableError ? [reason.code, reason.file] : ['Failed' as const];
    return new PortableError(code, `${messageOf(reason)}; and what was done cannot be taken back: ${what}`, {
      file,
      cause: reason,
      hint: `the next start of portabled ${ending[this.#journal.direction]} (${this.#journal.path})`,
    });
  }
}

/** A draft that needs no staging, as an entry. */
function withoutStep(draft: Exclude<Draft, PlacingDraft>): Entry {
  const entry: Entry & { step?: Step } = { ...draft };
  delete entry.step;
  return entry;
}

/** Whether undoing the move takes what was there before: it must stay until nobody can want to undo any more. */
function keepsOriginal({ entry }: Move): boolean {
  return entry.op === 'swap' || entry.op === 'take' || entry.op === 'rmdir';
}
