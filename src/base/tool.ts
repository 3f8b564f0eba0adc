/** Runs the small programs of the base system (cp, rm, sync) that do what Node cannot. */

import type { Readable, Writable } from 'node:stream';

import { fileError, PortableError } from './errors.ts';

export interface ToolOptions {
  /** What is being done, as it fits after "cannot". */
  readonly doing: string;
  /** The file it is being done to. */
  readonly file: string;
  /** The Debian package that has the program, where it is not part of every system. */
  readonly package?: string | undefined;
  /** Ends the program; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** What the program reads on its standard input; nothing by default. */
  readonly input?: Readable;
  /** Gets the program's standard output, which is not returned then; ended only when all went well. */
  readonly output?: Writable;
  /** Exit statuses that are as good as 0. */
  readonly alsoGood?: readonly number[];
  /** Told the program's process id. */
  readonly started?: ((pid: number) => void) | undefined;
  /** Variables for the program besides ours; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** glibc's words for an errno in the C locale, which is how these programs tell us (strerror(3)). */
const reasons: Readonly<Record<string, string>> = {
  'No space left on device': 'ENOSPC',
  'Disk quota exceeded': 'EDQUOT',
  'Read-only file system': 'EROFS',
  'Input/output error': 'EIO',
  'Permission denied': 'EACCES',
  'Operation not permitted': 'EPERM',
  'No such file or directory': 'ENOENT',
  'Cannot allocate memory': 'ENOMEM',
};

/** No tool of ours has more to say, bytes. */
const maxOutput = 16 * 1024 * 1024;

/**
 * Runs a program without a shell and waits for it.
 * @returns its standard output
 * @throws PortableError with the program's own words; NotSupported when it is not installed
 */
export async function runTool(
  program: string,
  args: readonly string[],
  options: ToolOptions,
): Promise<string> {
  options.signal?.throwIfAborted();
  const { execa } = await import('execa'); // late: most runs of the daemon never need it, and it takes a while to load
  const running = execa(program, args, {
    stdout: 'pipe',
    stderr: 'pipe',
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
    maxBuffer: maxOutput,
    buffer: { stdout: options.output === undefined },
    env: { LC_ALL: 'C', ...options.env },
    reject: false,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  if (running.pid !== undefined) options.started?.(running.pid);
  const { output, signal, alsoGood = [] } = options;
  if (output !== undefined) running.stdout.pipe(output, { end: false });
  const result = await running;
  if (result.exitCode === 0 || (result.exitCode !== undefined && alsoGood.includes(result.exitCode))) {
    output?.end();
    return output === undefined ? result.stdout : '';
  }
  signal?.throwIfAborted();
  throw toolError(program, result, options);
}

interface Outcome {
  readonly code?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  /** Undefined where the program could not be started at all. */
  readonly stderr?: string | undefined;
  readonly cause?: unknown;
}

function toolError(program: string, outcome: Outcome, options: ToolOptions): PortableError {
  const { doing, file } = options;
  // EACCES of a name: some directory of PATH cannot be searched, and it is in no other one
  if (outcome.code === 'ENOENT' || (outcome.code === 'EACCES' && !program.includes('/'))) {
    return new PortableError('NotSupported', `cannot ${doing}: the program "${program}" is not installed`, {
      file,
      hint: options.package === undefined ? undefined : `apt-get install ${options.package}`,
    });
  }
  if (outcome.exitCode === undefined && outcome.signal === undefined)
    return notStarted(program, outcome, options);
  const stderr = outcome.stderr?.trim() ?? '';
  const lines = stderr.split('\n');
  const found = Object.entries(reasons).find(([words]) => lines.some((line) => line.endsWith(words)));
  const said = lines.find((line) => found !== undefined && line.endsWith(found[0])) ?? lines[0] ?? '';
  const ended = outcome.signal ?? `status ${String(outcome.exitCode)}`;
  const message = `cannot ${doing}: ${said === '' ? `${program} ended with ${ended}` : said}`;
  const cause = new Error(`${program}: ${ended}: ${stderr}`);
  if (found === undefined) return new PortableError('Failed', message, { file, cause });
  const { code, dbusName } = fileError(Object.assign(cause, { code: found[1] }), doing, file);
  return new PortableError(code, message, { file, cause, dbusName });
}

/** E2BIG, EACCES, ENOMEM and the like, of fork(2) and execve(2); arguments that no program can have. */
function notStarted(program: string, { cause }: Outcome, { doing, file }: ToolOptions): PortableError {
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new PortableError('Failed', `cannot ${doing}: the program "${program}" cannot be started${why}`, {
    file,
    cause,
  });
}
