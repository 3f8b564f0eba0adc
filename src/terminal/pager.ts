/** Long output goes through a pager, where a person reads it on a terminal. */
import { spawn } from 'node:child_process';

import { errnoOf } from '../base/errors.ts';
import type { Output } from './terminal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the text goes when there is no pager named; the first that exists. */
const usual = ['pager', 'less', 'more'];

/**
 * Prints a text through the pager that SYSTEMD_PAGER or PAGER name ("" or "cat" mean none), as systemd's tools do
 * (systemd(1), "Environment"); straight where the output is no terminal, or nothing can be started.
 * Resolves when the person has left the pager.
 */
export async function page(text: string, output: Output, env: Environment, wanted = true): Promise<void> {
  const pagers = wanted && output.isTerminal && text !== '' && env['TERM'] !== 'dumb' ? candidates(env) : [];
  for (const [program, ...args] of pagers) if (await throughPager(program, args, text, env)) return;
  output.write(text);
}

type Command = readonly [program: string, ...args: string[]];

function candidates(env: Environment): readonly Command[] {
  const named = env['SYSTEMD_PAGER'] ?? env['PAGER'];
  if (named === undefined) return usual.map((name): Command => [name]);
  const [program, ...args] = named.trim().split(/\s+/);
  return program === undefined || program === '' || program === 'cat' ? [] : [[program, ...args]];
}

/** @returns whether there is such a program */
function throughPager(
  program: string,
  args: readonly string[],
  text: string,
  env: Environment,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'inherit', 'inherit'],
      // F: leave at once what fits the screen; R: colours; S: no wrapping; X: no clearing; M: long prompt; K: ^C leaves
      env: {
        ...env,
        LESS: env['SYSTEMD_LESS'] ?? 'FRSXMK',
        LESSCHARSET: env['SYSTEMD_LESSCHARSET'] ?? 'utf-8',
      },
    });
    // ^C is the pager's
    const ignore = (): void => undefined;
    process.on('SIGINT', ignore);
    const done = (): void => void process.off('SIGINT', ignore);
    child.on('error', (error) => {
      done();
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES') resolve(false);
      else reject(error);
    });
    child.on('close', () => {
      done();
      resolve(true);
    });
    // whoever leaves the pager early has read enough
    child.stdin.on('error', ignore);
    child.stdin.end(text);
  });
}
