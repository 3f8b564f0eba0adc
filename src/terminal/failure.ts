/** How failures look to the person who typed the command: what failed and why, and below it what to try. */
import { escapeControl } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import type { Output } from './terminal.ts';

/** Something the person can correct; printed as it is. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** A failure in words, each line with its newline. Control characters in it are escaped. */
export function formatFailure(error: unknown, { styles }: Pick<Output, 'styles'>): string {
  const message = error instanceof Error ? error.message : String(error);
  const hint = hintOf(error);
  const lines = [...message.split('\n').map((line) => styles.red(escapeControl(line)))];
  if (hint !== undefined) lines.push(`${styles.grey('Hint:')} ${escapeControl(hint)}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** ", did you mean 'list'?" for a word close to one of the candidates, otherwise nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === undefined ? '' : `, did you mean '${near}'?`;
}

function hintOf(error: unknown): string | undefined {
  return error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
}
