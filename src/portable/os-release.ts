/**
 * os-release(5) and extension-release files: a list of shell-like assignments. Not INI: values are quoted and
 * escaped as in a shell, and nothing is ever expanded.
 */

/** The assignments of the file, in order; the last of several to one name wins. Lines that are none are ignored. */
export function parseOsRelease(content: Buffer | string): ReadonlyMap<string, string> {
  const text = typeof content === 'string' ? content : content.toString('utf8');
  const result = new Map<string, string>();
  const scanner = { text, at: text.startsWith('\ufeff') ? 1 : 0 };
  while (scanner.at < text.length) {
    const assignment = readAssignment(scanner);
    if (assignment !== undefined) result.set(assignment.name, assignment.value);
  }
  return result;
}

interface Scanner {
  readonly text: string;
  at: number;
}

const namePattern = /[ \t]*([A-Za-z_][A-Za-z0-9_]*)=/y;

/** Reads one line (or, inside quotes, several) and what it assigns. */
function readAssignment(scanner: Scanner): { name: string; value: string } | undefined {
  namePattern.lastIndex = scanner.at;
  const match = namePattern.exec(scanner.text);
  const name = match?.[1];
  if (match === null || name === undefined) {
    const end = scanner.text.indexOf('\n', scanner.at);
    scanner.at = end < 0 ? scanner.text.length : end + 1;
    return undefined;
  }
  scanner.at = namePattern.lastIndex;
  return { name, value: readValue(scanner) };
}

/** Characters that a backslash makes literal between double quotes; before any other it stays itself. */
const escapable = '"\\`$';

/** Reads up to the end of the line: bare, 'single' and "double" quoted pieces, glued together as in a shell. */
function readValue(scanner: Scanner): string {
  const { text } = scanner;
  const pieces: string[] = [];
  let trailingBlanks = 0;
  while (scanner.at < text.length) {
    const c = text.charAt(scanner.at++);
    if (c === '\n') break;
    if (c === "'" || c === '"') {
      pieces.push(readQuoted(scanner, c));
      trailingBlanks = 0;
    } else if (c === '\\') {
      const next = text.charAt(scanner.at++);
      if (next !== '\n') pieces.push(next);
      trailingBlanks = 0;
    } else if (c === ' ' || c === '\t' || c === '\r') {
      if (pieces.length > 0) {
        pieces.push(c);
        trailingBlanks++;
      }
    } else {
      pieces.push(c);
      trailingBlanks = 0;
    }
  }
  return pieces.slice(0, pieces.length - trailingBlanks).join('');
}

/** Reads up to the closing quote (or the end of the file, where there is none). */
function readQuoted(scanner: Scanner, quote: string): string {
  const { text } = scanner;
  let value = '';
  while (scanner.at < text.length) {
    const c = text.charAt(scanner.at++);
    if (c === quote) break;
    if (c === '\\' && quote === '"') {
      const next = text.charAt(scanner.at++);
      if (next === '\n') continue;
      value += escapable.includes(next) ? next : c + next;
    } else {
      value += c;
    }
  }
  return value;
}
