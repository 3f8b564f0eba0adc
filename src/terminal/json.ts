/** JSON output as systemd's tools have it: --json=short, --json=pretty, --json=off. */

import { didYouMean, UsageError } from './failure.ts';

/** What to print instead of text for people. */
export type JsonMode = 'off' | 'short' | 'pretty';

export const jsonModes: readonly JsonMode[] = ['off', 'short', 'pretty'];

/** What --json= is given. @throws UsageError for what is no mode */
export function jsonMode(text: string): JsonMode {
  const mode = jsonModes.find((candidate) => candidate === text);
  if (mode !== undefined) return mode;
  throw new UsageError(
    `There is no JSON mode '${text}'${didYouMean(text, jsonModes)}`,
    `--json= knows ${jsonModes.join(', ')}`,
  );
}

/** What we print; bigint becomes a number where a double holds it exactly, otherwise a string of digits. */
export type Json =
  null | boolean | number | bigint | string | readonly Json[] | { readonly [key: string]: Json };

/** A value as one line ("short") or indented by tabs ("pretty"), with its newline. */
export function formatJson(value: Json, mode: Exclude<JsonMode, 'off'>): string {
  return `${JSON.stringify(value, exact, mode === 'pretty' ? '\t' : undefined)}\n`;
}

function exact(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
