/** JSON output as systemd's tools have it: --json=short, --json=pretty, --json=off. */

/** What to print instead of text for people. */
export type JsonMode = 'off' | 'short' | 'pretty';

export const jsonModes: readonly JsonMode[] = ['off', 'short', 'pretty'];

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
