/** Puts everything that will be placed on the host next to where it goes, under temporary names. */

import { closeSync, fchmodSync, openSync, symlinkSync } from 'node:fs';

import { fileError } from '../base/errors.ts';
import { writeAll } from '../base/write-all.ts';
import { copyImage, type CopyContext } from './copy-image.ts';
import { identityOf, look, type Entry } from './entries.ts';
import type { Draft, PlacingDraft } from './survey.ts';

/** Whether there is something to stage for a draft. */
export function isPlacing(draft: Draft): draft is PlacingDraft {
  return draft.op === 'put' || draft.op === 'swap';
}

/**
 * Stages what a draft needs.
 * @param staged the temporary name on disk
 * @returns the entry, complete with the identity of what was staged
 * @throws PortableError naming the file that was to be placed; what was staged so far stays for the caller to remove
 */
export async function stage(draft: PlacingDraft, staged: string, context: CopyContext): Promise<Entry> {
  const { step, source, ...entry } = draft;
  try {
    await create(draft, staged, context);
    const found = look(staged);
    if (found === undefined) throw new Error(`${staged} is gone`);
    return { ...entry, ours: identityOf(found) };
  } catch (error) {
    context.signal?.throwIfAborted();
    throw fileError(error, source === undefined ? 'write' : 'copy an image to', step.path);
  }
}

async function create(
  { step, source = '' }: PlacingDraft,
  staged: string,
  context: CopyContext,
): Promise<void> {
  if (step.kind === 'symlink') symlinkSync(step.target, staged);
  else if (step.kind === 'copy-image') await copyImage({ source, staged, path: step.path }, context);
  else writeFile(staged, step.content, step.mode);
}

function writeFile(staged: string, content: Buffer, mode: number): void {
  const file = openSync(staged, 'wx', 0o600);
  try {
    writeAll(file, content);
    fchmodSync(file, mode & 0o7777); // and not in open(2), where the umask would have a say
  } finally {
    closeSync(file);
  }
}
