/** Running the host's own tools: argument lists only, never a shell; loaded when first needed. */
import { PortableError, escapeControl, quoted } from '../base/errors.ts';

/** A tool of the host and the Debian package that brings it, for the error when it is missing. */
export interface Tool {
  readonly command: string;
  readonly package: string;
}

/**
 * Runs a tool to its end.
 * @param file what it works on, for the error message
 * @returns its standard output
 * @throws PortableError NotSupported when the tool is not installed, Cancelled on abort, IOError with its last words
 */
export async function runTool(
  tool: Tool,
  args: readonly string[],
  file: string,
  signal?: AbortSignal,
): Promise<string> {
  const { execa } = await import('execa');
  const result = await execa(tool.command, args, {
    reject: false,
    stdin: 'ignore',
    env: { LC_ALL: 'C' },
    maxBuffer: 16 * 1024 * 1024,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (!result.failed) return result.stdout;
  if (result.isCanceled) {
    throw new PortableError('Cancelled', `${tool.command} on ${quoted(file)} was cancelled`, {
      file,
      cause: result,
    });
  }
  if (result.code === 'ENOENT') {
    throw new PortableError(
      'NotSupported',
      `${tool.command} is needed for ${quoted(file)}, and is not installed`,
      {
        file,
        hint: `install it: apt-get install ${tool.package}`,
        cause: result,
      },
    );
  }
  const words = escapeControl(result.stderr.trim().split('\n').at(-1) ?? '');
  throw new PortableError(
    'IOError',
    `${tool.command} failed on ${quoted(file)}: ${words || result.shortMessage}`,
    {
      file,
      cause: result,
    },
  );
}
