/** Compares a plan with the host: which of its steps change something, and by which entries. Touches nothing. */

import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { fileError, PortableError, quoted } from '../base/errors.ts';
import { resolveInRoot } from '../base/root-path.ts';
import { identityOf, look, type Entry, type Form } from './entries.ts';
import type { Places } from './places.ts';
import type { Step } from './steps.ts';

/** The steps that put something in place, and so need something staged. */
export type PlacingStep = Extract<Step, { kind: 'write' | 'copy' | 'copy-image' | 'symlink' }>;

/** An entry that still lacks the identity of what will be staged for it. */
export type PlacingDraft = { readonly step: PlacingStep; readonly source?: string | undefined } & (
  Omit<Extract<Entry, { op: 'put' }>, 'ours'> | Omit<Extract<Entry, { op: 'swap' }>, 'ours'>
);

/**
 * An entry before staging. `step` is set on the entry that a step of the plan is done with; `source` of a
 * copy-image is what to copy, on disk.
 */
export type Draft =
  PlacingDraft | ({ readonly step?: Step } & Extract<Entry, { op: 'mkdir' | 'take' | 'rmdir' }>);

/**
 * @param root the host root, for the sources of copies
 * @returns the entries to carry out, in the order of the plan; `step` is set on the one that a step is done with
 * @throws PortableError naming the path where a plan cannot work: FileExists, a directory where a file should be,
 *   a path outside of the bases or given twice
 */
export async function survey(
  steps: readonly Step[],
  places: Places,
  root: string,
): Promise<readonly Draft[]> {
  const survey = new Survey(places, root);
  for (const step of steps) await survey.add(step);
  return survey.drafts;
}

class Survey {
  readonly drafts: Draft[] = [];
  readonly #places: Places;
  readonly #root: string;
  /** Directories that will be there when their turn comes. */
  readonly #created = new Set<string>();
  readonly #named = new Set<string>();
  /** What was found where: a plan names each drop-in directory several times. */
  readonly #found = new Map<string, BigIntStats | undefined>();
  readonly #areas = new Map<string, string>();

  constructor(places: Places, root: string) {
    this.#places = places;
    this.#root = root;
  }

  async add(step: Step): Promise<void> {
    if (step.kind !== 'mkdir' && step.kind !== 'rmdir') this.#once(step.path);
    const base = this.#places.baseOf(step.path);
    const area = this.#areaOf(base);
    const isThere = this.#checkParents(step.path, base);
    const found = isThere ? this.#look(step.path) : undefined;
    if (step.kind === 'mkdir') this.#mkdir(step, base, area, found);
    else if (step.kind === 'unlink') this.#unlink(step, area, found);
    else if (step.kind === 'rmdir') this.#rmdir(step, area, found);
    else if (step.kind === 'copy-image') await this.#copyImage(step, base, area, found);
    else {
      this.#makeBase(base, area);
      this.#place(step, area, found, step.kind === 'symlink' ? 'link' : 'file');
    }
  }

  /** A plan that names a file twice would find its own work in its way. */
  #once(path: string): void {
    if (this.#named.has(path)) {
      throw new PortableError('InvalidArgs', `the plan names ${quoted(path)} twice`, { file: path });
    }
    this.#named.add(path);
  }

  /**
   * Below a base nothing is followed: the directories down to `path` must be real ones.
   * @returns whether they are all there
   */
  #checkParents(path: string, base: string): boolean {
    const names = path === base ? [] : dirname(path).slice(base.length).split('/').filter(Boolean);
    let parent = base;
    for (const name of names) {
      parent = `${parent}/${name}`;
      const found = this.#look(parent);
      if (found === undefined) return false;
      if (!found.isDirectory()) throw notDirectory(parent, found);
    }
    return true;
  }

  #mkdir(
    step: Extract<Step, { kind: 'mkdir' }>,
    base: string,
    area: string,
    found: BigIntStats | undefined,
  ): void {
    if (found !== undefined && !found.isDirectory()) throw notDirectory(step.path, found);
    if (found !== undefined || this.#created.has(step.path)) return;
    this.#makeBase(step.path === base ? dirname(base) : base, area);
    this.#created.add(step.path);
    this.drafts.push({ op: 'mkdir', path: step.path, mode: step.mode, step });
  }

  /** The directories from the area, which exists, down to `directory`; not part of the record. */
  #makeBase(directory: string, area: string): void {
    if (directory.length <= area.length || this.#created.has(directory)) return;
    this.#makeBase(dirname(directory), area);
    this.#created.add(directory);
    this.drafts.push({ op: 'mkdir', path: directory, mode: 0o755 });
  }

  #unlink(step: Extract<Step, { kind: 'unlink' }>, area: string, found: BigIntStats | undefined): void {
    if (found === undefined) return;
    if (found.isDirectory() && step.recursive !== true) throw isDirectory(step.path, 'remove');
    this.drafts.push({ op: 'take', path: step.path, area, before: identityOf(found), step });
  }

  #rmdir(step: Extract<Step, { kind: 'rmdir' }>, area: string, found: BigIntStats | undefined): void {
    const isBase = step.path === this.#places.baseOf(step.path);
    if (found?.isDirectory() === false || (isBase && this.#places.isLink(step.path))) return;
    if (found === undefined && !this.#created.has(step.path)) return;
    this.drafts.push({ op: 'rmdir', path: step.path, area, step });
  }

  async #copyImage(
    step: Extract<Step, { kind: 'copy-image' }>,
    base: string,
    area: string,
    found: BigIntStats | undefined,
  ): Promise<void> {
    const source = resolveInRoot(this.#root, step.source);
    const form = await formOf(source, step.source);
    this.#makeBase(base, area);
    if (found === undefined || (form === 'file' && !found.isDirectory())) {
      this.#place(step, area, found, form, source);
      return;
    }
    // rename(2) replaces neither a directory with something in it nor a file by a directory: one after the other
    if (!step.replace) throw exists(step.path);
    this.drafts.push({ op: 'take', path: step.path, area, before: identityOf(found) });
    this.drafts.push({ op: 'put', path: step.path, area, form, step, source });
  }

  #place(step: PlacingStep, area: string, found: BigIntStats | undefined, form: Form, source?: string): void {
    const { path } = step;
    if (found === undefined) {
      this.drafts.push({ op: 'put', path, area, form, step, source });
      return;
    }
    if (found.isDirectory()) {
      if (step.kind !== 'symlink' || step.replaceTree !== true) {
        throw isDirectory(path, step.kind === 'symlink' ? 'link' : 'write');
      }
      this.drafts.push({ op: 'take', path, area, before: identityOf(found) });
      this.drafts.push({ op: 'put', path, area, form, step, source });
      return;
    }
    if (!step.replace) throw exists(path);
    this.drafts.push({ op: 'swap', path, area, form, before: identityOf(found), step, source });
  }

  #areaOf(base: string): string {
    const known = this.#areas.get(base) ?? this.#places.areaOf(base);
    this.#areas.set(base, known);
    return known;
  }

  #look(path: string): BigIntStats | undefined {
    if (!this.#found.has(path)) this.#found.set(path, lookAt(path, this.#places));
    return this.#found.get(path);
  }
}

function lookAt(path: string, places: Places): BigIntStats | undefined {
  try {
    return look(places.onDisk(path));
  } catch (error) {
    throw fileError(error, 'look at', path);
  }
}

/** What an image to copy is. @throws PortableError BadImageType for anything but files and directories */
async function formOf(source: string, path: string): Promise<Form> {
  let found;
  try {
    found = await stat(source);
  } catch (error) {
    throw fileError(error, 'copy', path);
  }
  if (found.isDirectory()) return 'tree';
  if (found.isFile()) return 'file';
  throw new PortableError('BadImageType', `cannot copy ${quoted(path)}: neither a file nor a directory`, {
    file: path,
  });
}

function exists(path: string): PortableError {
  return new PortableError('FileExists', `${quoted(path)} exists already`, { file: path });
}

function isDirectory(path: string, doing: string): PortableError {
  return new PortableError('Failed', `cannot ${doing} ${quoted(path)}: there is a directory of that name`, {
    file: path,
    dbusName: 'System.Error.EISDIR',
    hint: 'it is not ours: move it away first',
  });
}

function notDirectory(path: string, found: BigIntStats): PortableError {
  const what = found.isSymbolicLink() ? 'a symbolic link' : 'a file';
  return new PortableError('Failed', `${quoted(path)} should be a directory, but ${what} is there`, {
    file: path,
    dbusName: 'System.Error.ENOTDIR',
    hint: 'it is not ours: move it away first',
  });
}
