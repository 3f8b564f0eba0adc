/** The first line of scripts: execve(2), section Interpreter scripts; env(1) of coreutils. */

/** What a script needs to run. */
export interface Interpreter {
  /** Absolute. */
  readonly program: string;
  /** What env(1) looks up in PATH, or an absolute path it was given; undefined when `program` is not env. */
  readonly viaEnv: string | undefined;
}

/** The kernel reads no more of the first line, bytes. */
export const scriptHeadBytes = 256;

/** The interpreter that a file's first bytes ask for; undefined when it is no script. */
export function interpreterOf(head: Buffer): Interpreter | undefined {
  if (head.toString('latin1', 0, 2) !== '#!') return undefined;
  const line = (head.toString().split('\n')[0] ?? '').slice(2).trim();
  const [program = '', ...rest] = line.split(/[ \t]+/);
  if (!program.startsWith('/')) return undefined;
  const isEnv = program.slice(program.lastIndexOf('/') + 1) === 'env';
  return { program, viaEnv: isEnv ? commandOf(rest) : undefined };
}

/** Options of env that take a word of their own. */
const withWord = ['-u', '--unset', '-C', '--chdir'];

/** The command among env's words: after options and assignments; -S splits what follows, as we have already. */
function commandOf(words: readonly string[]): string | undefined {
  const pending = [...words];
  for (let word = pending.shift(); word !== undefined; word = pending.shift()) {
    if (withWord.includes(word)) pending.shift();
    else if (word.startsWith('-S') && word.length > 2) pending.unshift(word.slice(2));
    else if (word.startsWith('--split-string=')) pending.unshift(word.slice('--split-string='.length));
    else if (!word.startsWith('-') && !word.includes('=')) return word;
  }
  return undefined;
}
