/** Command lines whose options Node's parser knows, with errors for people. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

import { didYouMean, UsageError } from './failure.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/**
 * Reads a command line; words that are no options are allowed, and a `--json` without a mode means the default one.
 * @param program whose --help says more
 * @throws UsageError; for an unknown option with the one that was meant
 */
export function readOptions<const O extends Options>(
  program: string,
  args: readonly string[],
  options: O,
): ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>> {
  const hint = `try '${program} --help'`;
  const given = args.map((arg) => (arg === '--json' ? '--json=pretty' : arg));
  try {
    return parseArgs({ args: given, options, allowPositionals: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!(error instanceof Error) || !code.startsWith('ERR_PARSE_ARGS_')) throw error;
    const unknown = /^Unknown option '(--?[^']*)'/.exec(error.message)?.[1];
    if (unknown === undefined) throw new UsageError(error.message, hint);
    const names = Object.keys(options).map((name) => `--${name}`);
    throw new UsageError(`unknown option '${unknown}'${didYouMean(unknown, names)}`, hint);
  }
}
