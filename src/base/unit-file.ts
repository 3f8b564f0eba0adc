/** Reading the settings of a unit file: systemd.syntax(7). */

/** One assignment, with the file's continued lines put together. */
export interface Setting {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  /** Of its beginning, from 1. */
  readonly line: number;
}

/**
 * All assignments, in order. What is none is passed over: the service manager ignores it as well. Files come from
 * images: whatever is in them, this takes no longer than it takes to look at each character a few times.
 */
export function parseUnitFile(text: string): readonly Setting[] {
  const settings: Setting[] = [];
  let section = '';
  for (const { text: line, number } of logicalLines(text)) {
    const equals = line.indexOf('=');
    if (line.startsWith('[')) {
      if (line.endsWith(']')) section = line.slice(1, -1);
    } else if (equals > 0) {
      const [key, value] = [line.slice(0, equals).trimEnd(), line.slice(equals + 1).trimStart()];
      settings.push({ section, key, value, line: number });
    }
  }
  return settings;
}

/** Lines that a backslash continues are one; comments, between them too, are none. */
function* logicalLines(text: string): Generator<{ text: string; number: number }, void> {
  let pieces: string[] = [];
  let first = 1;
  const joined = (): { text: string; number: number } => ({ text: pieces.join(' ').trim(), number: first });
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    if (/^\s*[#;]/.test(raw)) continue;
    if (pieces.length === 0) first = index + 1;
    const continued = endsInBackslash(raw);
    pieces.push(continued ? raw.slice(0, -1) : raw);
    if (continued) continue;
    const line = joined();
    if (line.text !== '') yield line;
    pieces = [];
  }
  if (pieces.length > 0) yield joined();
}

/** An even number of backslashes are backslashes. */
function endsInBackslash(line: string): boolean {
  let at = line.length;
  while (line[at - 1] === '\\') at--;
  return (line.length - at) % 2 === 1;
}
