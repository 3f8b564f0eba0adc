/** Runs the small programs of the base system (cp, rm, sync) that do what Node cannot. */

import type { Readable } from 'node:stream';

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
    env: { LC_ALL: 'C', ...options.env },
    reject: false,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  if (running.pid !== undefined) options.started?.(running.pid);
  const result = await running;
  if (result.exitCode === 0) return result.stdout;
  options.signal?.throwIfAborted();
  throw toolError(program, result, options);
}

interface Outcome {
  readonly code?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly stderr: string;
}

function toolError(program: string, outcome: Outcome, options: ToolOptions): PortableError {
  const { doing, file } = options;
  if (outcome.code === 'ENOENT') {
    return new PortableError('NotSupported', `cannot ${doing}: the program "${program}" is not installed`, {
      file,
      hint: options.package === undefined ? undefined : `apt-get install ${options.package}`,
    });
  }
  const lines = outcome.stderr.trim().split('\n');
  const found = Object.entries(reasons).find(([words]) => lines.some((line) => line.endsWith(words)));
  const said = lines.find((line) => found !== undefined && line.endsWith(found[0])) ?? lines[0] ?? '';
  const ended = outcome.signal ?? `status ${String(outcome.exitCode)}`;
  const message = `cannot ${doing}: ${said === '' ? `${program} ended with ${ended}` : said}`;
  const cause = new Error(`${program}: ${ended}: ${outcome.stderr.trim()}`);
  if (found === undefined) return new PortableError('Failed', message, { file, cause });
  const { code, dbusName } = fileError(Object.assign(cause, { code: found[1] }), doing, file);
  return new PortableError(code, message, { file, cause, dbusName });
}
