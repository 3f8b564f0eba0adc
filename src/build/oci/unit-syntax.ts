/** What a container says, as values of a unit file: systemd.service(5) "Command Lines", systemd.exec(5). */
import { PortableError, quoted } from '../../base/errors.ts';
import { quotedWord, wholeLinePath } from '../../portable/unit-syntax.ts';

/** What to do about what cannot be said. */
const ownUnit = 'no unit file can say that: give one of your own';

/** An argument of ExecStart=: besides quoting and specifiers, "$" would be a variable, a lone ";" the end. */
export function argument(text: string): string {
  return quotedWord(text.replaceAll('$', '$$$$'));
}

/**
 * The program of ExecStart=, an absolute path. Unlike in arguments, "$" is itself there.
 * @throws PortableError InvalidArgs for what the service manager takes in no spelling
 */
export function program(path: string): string {
  if (/["'\\\u0000-\u001f\u007f$]/.test(path)) {
    throw unrepresentable('the program', path, 'quotes, backslashes, "$" or control characters in it');
  }
  return quotedWord(path);
}

/**
 * One assignment of Environment=.
 * @throws PortableError InvalidArgs for control characters, which it takes in no spelling but tab and newline
 */
export function assignment(name: string, value: string): string {
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(value)) {
    throw unrepresentable(`the variable ${name}`, value, 'control characters in it');
  }
  return quotedWord(`${name}=${value}`);
}

/**
 * A path that takes the whole rest of the line, such as WorkingDirectory=.
 * @throws PortableError InvalidArgs
 */
export function linePath(path: string): string {
  return wholeLinePath(path, ownUnit);
}

/** Text for a comment or description: one line, whatever it was. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').trim();
}

/** Whether Environment= takes a name: systemd.exec(5). */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

function unrepresentable(what: string, text: string, why: string): PortableError {
  return new PortableError('InvalidArgs', `${what} of the container, ${quoted(text)}, has ${why}`, {
    hint: ownUnit,
  });
}
