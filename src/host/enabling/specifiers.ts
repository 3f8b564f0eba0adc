/** Specifiers in [Install] sections (systemd.unit(5), "Specifiers"): those that the name of the unit decides. */
import { PortableError, quoted } from '../../base/errors.ts';

/**
 * Resolves the specifiers of a word.
 * @param unit the name of the unit the word is of; of a template that is enabled as an instance, the instance's
 * @throws PortableError InvalidArgs for any other: what they stand for is known on the running host at the earliest
 */
export function resolveSpecifiers(word: string, unit: string): string {
  return word.replace(/%(.?)/g, (text, letter: string) => {
    const value = valueOf(letter, unit);
    if (value !== undefined) return value;
    throw new PortableError('InvalidArgs', `cannot resolve ${quoted(text)} in ${quoted(word)}`, {
      file: unit,
      hint: 'without a running host only %n, %N, %p, %i, %j, %u, %U, %g, %G and %% are known in [Install]',
    });
  });
}

function valueOf(letter: string, unit: string): string | undefined {
  const stem = unit.slice(0, unit.lastIndexOf('.'));
  const at = stem.indexOf('@');
  const prefix = at < 0 ? stem : stem.slice(0, at);
  switch (letter) {
    case 'n':
      return unit;
    case 'N':
      return stem;
    case 'p':
      return prefix;
    case 'i':
      return at < 0 ? '' : stem.slice(at + 1);
    case 'j':
      return prefix.slice(prefix.lastIndexOf('-') + 1);
    case 'u':
    case 'g':
      return 'root';
    case 'U':
    case 'G':
      return '0';
    case '%':
      return '%';
    default:
      return undefined;
  }
}
