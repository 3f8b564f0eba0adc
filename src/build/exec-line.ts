/** The command lines of units: systemd.service(5), section Command Lines. */

/** What a command line runs. */
export interface ExecLine {
  /** The program, unquoted: an absolute path, or a name to be looked up. */
  readonly program: string;
  /** "-": a failure, even a missing program, does not matter. */
  readonly mayFail: boolean;
  /** What follows the program. */
  readonly args: readonly string[];
}

/** What may stand before the program, in any order. */
const prefixes = '@-:+!|';

/** Where the service manager looks for programs without a slash. */
export const programDirectories = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** The commands of one value (";" separates several); none in an empty one, which resets the list. */
export function parseExecLine(value: string): readonly ExecLine[] {
  const lines: ExecLine[] = [];
  let words: string[] = [];
  for (const { text, plain } of wordsOf(value)) {
    if (plain && text === ';') {
      lines.push(...lineOf(words));
      words = [];
    } else {
      words.push(plain && text === '\\;' ? ';' : text);
    }
  }
  return [...lines, ...lineOf(words)];
}

function lineOf([first, ...args]: readonly string[]): ExecLine[] {
  if (first === undefined) return [];
  let at = 0;
  while (prefixes.includes(first.charAt(at)) && at < first.length) at++;
  const given = first.slice(0, at);
  return [
    {
      program: first.slice(at),
      mayFail: given.includes('-'),
      // after "@" comes what the program is told to be called
      args: given.includes('@') ? args.slice(1) : args,
    },
  ];
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
};

/** Splits at white space; quotes and C escapes are taken away. `plain`: there were none. */
function* wordsOf(value: string): Generator<{ text: string; plain: boolean }, void> {
  const pattern = /\s*((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\.|[^\s"'\\]|["'\\])+)/gs;
  for (const [, word = ''] of value.matchAll(pattern)) {
    const plain = !/["'\\]/.test(word) || word === '\\;';
    yield { text: plain ? word : unquote(word), plain };
  }
}

function unquote(word: string): string {
  let quote = '';
  return word.replace(/["']|\\x[0-9a-fA-F]{2}|\\[0-7]{3}|\\./gs, (piece: string): string => {
    if (piece === '"' || piece === "'") {
      if (quote !== '' && quote !== piece) return piece;
      quote = quote === '' ? piece : '';
      return '';
    }
    if (piece.startsWith('\\x')) return String.fromCharCode(parseInt(piece.slice(2), 16));
    if (/^\\[0-7]{3}$/.test(piece)) return String.fromCharCode(parseInt(piece.slice(1), 8));
    const letter = piece.slice(1);
    return escapes[letter] ?? letter;
  });
}
