/** The help text, made from the tables. */
import type { Styles } from '../../terminal/styles.ts';
import { displayWidth } from '../../terminal/width.ts';
import { options, type Option } from './options.ts';
import { argumentSynopsis, defaultVerb, verbs, type VerbEntry } from './verbs.ts';

/** Where descriptions begin, and how long lines get where nobody says. */
const column = 26;
const assumedColumns = 80;

/** @param columns width of the terminal */
export function helpText(styles: Styles, columns = assumedColumns): string {
  const room = Math.max(20, Math.min(columns, 100) - column);
  const lines = [
    'portablectl [OPTION…] COMMAND …',
    '',
    styles.bold('Attach, inspect and detach portable services.'),
    '',
    styles.underline('Commands:'),
    ...verbs.flatMap((verb) => entry(synopsis(verb), verb.help, room)),
    '',
    styles.underline('Options:'),
    ...options.flatMap((option) => entry(`  ${optionSynopsis(option)}`, option.help, room)),
    '',
    'See portablectl(1) for details.',
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** "  inspect NAME|PATH [PREFIX…]" */
function synopsis(verb: VerbEntry): string {
  const name = verb.name === defaultVerb ? `[${verb.name}]` : verb.name;
  return `  ${[name, ...verb.arguments.map(argumentSynopsis)].join(' ')}`;
}

/** "-p --profile=PROFILE" */
function optionSynopsis({ name, short, argument }: Option): string {
  const letter = short === undefined ? '  ' : `-${short}`;
  return `${letter} --${name}${argument === undefined ? '' : `=${argument.name}`}`;
}

/** A description beside what it describes, or below where that is long; wrapped. */
function entry(left: string, description: string, room: number): readonly string[] {
  const [first = '', ...more] = wrap(description, room);
  const beside = displayWidth(left) < column;
  const rest = beside ? more : [first, ...more];
  return [beside ? left.padEnd(column) + first : left, ...rest.map((line) => ' '.repeat(column) + line)];
}

function wrap(text: string, room: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= room)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
