/**
 * Reads a command line as getopt_long(3) does: options may come before and after other words, long ones may be
 * shortened as far as they are unique, "--" ends them.
 */
import { UsageError, didYouMean } from '../../terminal/failure.ts';
import { options, type Option, type OptionName } from './options.ts';
import { verbs } from './verbs.ts';

/** An option as it was given. */
export interface Given {
  readonly name: OptionName;
  /** undefined for switches. */
  readonly value: string | undefined;
}

export interface CommandLine {
  /** In the order they were given. */
  readonly given: readonly Given[];
  /** Everything that is no option. */
  readonly words: readonly string[];
}

/**
 * @param args without the program's own name
 * @throws UsageError
 */
export function readCommandLine(args: readonly string[]): CommandLine {
  const given: Given[] = [];
  const words: string[] = [];
  const rest = [...args];
  for (let word; (word = rest.shift()) !== undefined;) {
    if (word === '--') {
      words.push(...rest.splice(0));
    } else if (word.startsWith('--')) {
      given.push(longOption(word.slice(2), rest));
    } else if (word.startsWith('-') && word !== '-') {
      given.push(...shortOptions(word.slice(1), rest));
    } else {
      words.push(word);
    }
  }
  return { given, words };
}

type Known = Option & { readonly name: OptionName };
const known: readonly Known[] = options;

/** "extension=PATH", or "extension" with the next word. */
function longOption(text: string, rest: string[]): Given {
  const equals = text.indexOf('=');
  const typed = equals < 0 ? text : text.slice(0, equals);
  const attached = equals < 0 ? undefined : text.slice(equals + 1);
  const option = findLong(typed);
  if (option.argument === undefined) {
    if (attached !== undefined) throw new UsageError(`The option --${option.name} has no argument.`);
    return { name: option.name, value: undefined };
  }
  return { name: option.name, value: argumentOf(option, `--${option.name}`, attached ?? rest.shift()) };
}

function findLong(typed: string): Known {
  const exact = known.find(({ name }) => name === typed);
  if (exact !== undefined) return exact;
  const candidates = known.filter(({ name }) => name.startsWith(typed));
  const [only] = candidates;
  if (candidates.length > 1) {
    const names = candidates.map(({ name }) => `--${name}`).join(', ');
    throw new UsageError(`The option --${typed} could be any of ${names}.`);
  }
  if (only !== undefined) return only;
  const words = [...known.map(({ name }) => `--${name}`), ...verbs.map(({ name }) => name)];
  const near = didYouMean(`--${typed}`, words) || didYouMean(typed, words);
  throw new UsageError(`There is no option --${typed}${near}`, 'portablectl --help lists the options');
}

/** "qp" with the next word, or "qpstrict". */
function shortOptions(letters: string, rest: string[]): readonly Given[] {
  const given: Given[] = [];
  for (let at = 0; at < letters.length; at++) {
    const letter = letters.charAt(at);
    const option = known.find(({ short }) => short === letter);
    if (option === undefined) {
      throw new UsageError(`There is no option -${letter}`, 'portablectl --help lists the options');
    }
    if (option.argument === undefined) {
      given.push({ name: option.name, value: undefined });
      continue;
    }
    const attached = letters.slice(at + 1);
    const value = attached === '' ? rest.shift() : attached;
    given.push({ name: option.name, value: argumentOf(option, `-${letter}`, value) });
    break;
  }
  return given;
}

function argumentOf({ argument }: Option, typed: string, value: string | undefined): string {
  if (value === undefined)
    throw new UsageError(`The option ${typed} needs an argument: ${argument?.name ?? ''}.`);
  return value;
}
