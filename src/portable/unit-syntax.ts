/**
 * Writing values into unit files so that the service manager reads back exactly what was meant
 * (systemd.syntax(7), systemd.unit(5) section Specifiers). Each function is for one way that settings are read.
 */
import { PortableError, quoted } from '../base/errors.ts';

/**
 * A path that takes the whole rest of the line: RootDirectory=, RootImage=. Only "%" means something.
 * @param hint what to do about a path that cannot be said
 */
export function wholeLinePath(path: string, hint?: string): string {
  checkRepresentable(path, hint);
  if (/[\s\\]$/.test(path)) {
    throw unrepresentable(path, 'it ends in white space or a backslash, which the end of a line loses', hint);
  }
  return specifiers(path);
}

/** A directory for wholeLinePath: a trailing slash keeps a last character that would be lost. */
export function wholeLineDirectory(path: string): string {
  checkRepresentable(path);
  return specifiers(/[\s\\]$/.test(path) ? `${path}/` : path);
}

/** One item of a list of C-unescaped words: Environment=, LogExtraFields=. Plain text stays as it is. */
export function word(text: string): string {
  checkRepresentable(text);
  return quotedWord(text);
}

/** As word, for settings that take control characters when they are escaped. A lone ";" would separate commands. */
export function quotedWord(text: string): string {
  const value = specifiers(text);
  return /^[^\s"'\\\u0000-\u001f\u007f]+$/.test(value) && value !== ';'
    ? value
    : `"${value.replace(/["\\\u0000-\u001f\u007f]/g, escaped)}"`;
}

/**
 * One image of ExtensionImages=, where ":" separates options. It is split into words first, where quotes count and
 * escapes do not, and into path and options then, where escapes count: so whatever means something is a number.
 */
export function imageWord(path: string, options = ''): string {
  checkRepresentable(path);
  const value = specifiers(path).replace(/[\s\\:"']/g, escapeBytes);
  return options === '' ? value : `${value}:${options}`;
}

/** One directory of ExtensionDirectories=. */
export function directoryWord(path: string): string {
  return word(path);
}

/** "%" begins a specifier; doubled it is itself. */
function specifiers(text: string): string {
  return text.replaceAll('%', '%%');
}

function escaped(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  if (character === '\n') return '\\n';
  return character === '\t' ? '\\t' : escapeBytes(character);
}

function escapeBytes(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

function checkRepresentable(text: string, hint?: string): void {
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw unrepresentable(text, 'it has control characters in it, which unit files cannot carry', hint);
  }
}

function unrepresentable(path: string, why: string, hint = 'rename the image'): PortableError {
  return new PortableError('InvalidArgs', `${quoted(path)} cannot be written into a unit file: ${why}`, {
    file: path,
    hint,
  });
}
