/** The command line of portable-build. */
import path from 'node:path';

import { UsageError } from '../terminal/failure.ts';
import { jsonMode, type JsonMode } from '../terminal/json.ts';
import { readOptions } from '../terminal/options.ts';
import { keys, type Key } from './keys.ts';
import type { RawDescription } from './read-description.ts';

/** What is to be built, where to, and how to talk about it. */
export interface BuildCommand {
  readonly kind: 'build';
  /** The build file, as it was typed; undefined when there is none. */
  readonly file: string | undefined;
  /** Parameters given as options, not looked at yet. */
  readonly parameters: RawDescription;
  /** As typed. */
  readonly outputDirectory: string;
  readonly force: boolean;
  readonly json: JsonMode;
}

export type Command = BuildCommand | { readonly kind: 'help' } | { readonly kind: 'version' };

const general = {
  output: { type: 'string', short: 'o' },
  force: { type: 'boolean', short: 'f' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const generalHelp: readonly (readonly [string, string])[] = [
  ['-o, --output DIR', 'where the image goes (default: the current directory)'],
  ['-f, --force', 'replace an image that is there'],
  ['    --json[=MODE]', 'print what was built as JSON: pretty (default), short or off'],
  ['-h, --help', 'show this text'],
  ['    --version', 'alone: show the version of this program'],
];

/** @param args without the program's own name @throws UsageError */
export function parseCommandLine(args: readonly string[]): Command {
  if (args.length === 1 && args[0] === '--version') return { kind: 'version' };
  const options = { ...general, ...parameterOptions() };
  const { values: known, positionals } = readOptions('portable-build', args, options);
  const values: Values = known;
  if (values['help'] === true) return { kind: 'help' };
  if (positionals.length > 1)
    throw new UsageError('more than one build file', 'one image is built at a time');
  const given = Object.entries<Key>(keys).filter(([, { option }]) => values[option] !== undefined);
  return {
    kind: 'build',
    file: positionals[0],
    parameters: Object.fromEntries(given.map(([name, { option }]) => [name, values[option]])),
    outputDirectory: path.normalize(textOf(values['output']) ?? '.'),
    force: values['force'] === true,
    json: jsonMode(textOf(values['json']) ?? 'off'),
  };
}

/** The help text. */
export function helpText(): string {
  const parameters = Object.values<Key>(keys).map(({ option, value, help }) => {
    return [`    --${option}${value === undefined ? '' : ` ${value}`}`, help] as const;
  });
  const lines = [...parameters, ...generalHelp].map(([left, right]) => `  ${left.padEnd(31)} ${right}\n`);
  return `Usage: portable-build [OPTION…] [BUILD-FILE]

Builds a portable service image, NAME_VERSION.raw, from unit files and the programs they run: with the libraries,
interpreters and mount points that these need. Parameters come from a build file (JSON), from options, or from both.

${lines.join('')}
SRC is taken from the source root when it is absolute, otherwise from here. Options with lists may be given several times.
SOURCE_DATE_EPOCH sets the time of all files in the image (default: 1): the same input gives the same bytes.
See portable-build(1), and docs/building.md.
`;
}

type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

function parameterOptions(): Record<string, { type: 'string' | 'boolean'; multiple: boolean }> {
  const lists = ['paths', 'texts', 'contents', 'symlinks'];
  return Object.fromEntries(
    Object.values<Key>(keys).map(({ option, kind }) => {
      const multiple = typeof kind === 'string' && lists.includes(kind);
      return [option, { type: kind === 'flag' ? 'boolean' : 'string', multiple }];
    }),
  );
}

function textOf(value: Values[string]): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
