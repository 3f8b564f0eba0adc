/** Reading the settings of a unit file: systemd.syntax(7). */

/** One assignment, with the file's continued lines put together. */
export interface Setting {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  /** Of its beginning, from 1. */
  readonly line: number;
}

/** All assignments, in order. What is none is passed over: the service manager ignores it as well. */
export function parseUnitFile(text: string): readonly Setting[] {
  const settings: Setting[] = [];
  let section = '';
  for (const { text: line, number } of logicalLines(text)) {
    const header = /^\[(.*)\]$/.exec(line);
    if (header !== null) section = header[1] ?? '';
    const assignment = /^([^=[\]]+?)\s*=\s*(.*)$/s.exec(line);
    if (header !== null || assignment === null) continue;
    settings.push({ section, key: assignment[1] ?? '', value: assignment[2] ?? '', line: number });
  }
  return settings;
}

/** Lines that a backslash continues are one; comments, between them too, are none. */
function* logicalLines(text: string): Generator<{ text: string; number: number }, void> {
  let pending: { text: string; number: number } | undefined;
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trimStart();
    if (/^[#;]/.test(line)) continue;
    const joined = pending === undefined ? line : `${pending.text} ${raw}`;
    const number = pending?.number ?? index + 1;
    // an even number of backslashes are backslashes
    const continued = /(?:^|[^\\])(?:\\\\)*\\$/.test(raw);
    pending = continued ? { text: joined.slice(0, -1), number } : undefined;
    if (pending === undefined && joined.trim() !== '') yield { text: joined.trim(), number };
  }
  if (pending !== undefined) yield { text: pending.text.trim(), number: pending.number };
}
