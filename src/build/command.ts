/** The command portable-build: arguments to a built image, or to words about what is wrong. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { escapeControl, fileError } from '../base/errors.ts';
import { formatFailure, UsageError } from '../terminal/failure.ts';
import { formatJson } from '../terminal/json.ts';
import { progressBar } from '../terminal/progress.ts';
import { formatSize } from '../terminal/sizes.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { helpText, parseCommandLine, type BuildCommand } from './arguments.ts';
import { buildImage, type BuildResult } from './build.ts';
import type { BuildDescription } from './description.ts';
import { keys, type Key } from './keys.ts';
import { completeDescription, parseBuildFile, readParameters } from './read-description.ts';

/** Everything the command takes from the process it is in. */
export interface CommandEnvironment {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The current directory. */
  readonly directory: string;
  readonly terminal: Terminal;
  /** Our own version. */
  readonly version: string;
  readonly signal: AbortSignal;
}

/** Exit codes: done, failed, not understood. */
const [done, failed, misused] = [0, 1, 2];

/** @returns the exit code */
export async function main(environment: CommandEnvironment): Promise<number> {
  const { stdout, stderr } = environment.terminal;
  try {
    const command = parseCommandLine(environment.args);
    if (command.kind === 'help') stdout.write(helpText());
    else if (command.kind === 'version') stdout.write(`portable-build ${environment.version}\n`);
    else await build(command, environment);
    return done;
  } catch (error) {
    stderr.write(formatFailure(error, stderr));
    return error instanceof UsageError ? misused : failed;
  }
}

async function build(command: BuildCommand, environment: CommandEnvironment): Promise<void> {
  const { terminal, signal, env, directory } = environment;
  const description = describe(command, directory);
  const bar = { current: undefined as ReturnType<typeof progressBar> | undefined };
  const result = await buildImage(description, {
    outputDirectory: path.resolve(directory, command.outputDirectory),
    force: command.force,
    time: timeOf(env['SOURCE_DATE_EPOCH']),
    searchPath: env['PATH'] ?? '',
    signal,
    progress: (now, total) => {
      bar.current ??= progressBar(terminal.stderr, 'Writing', BigInt(total));
      bar.current.update(BigInt(now));
    },
  }).finally(() => bar.current?.end());
  for (const warning of result.warnings) {
    const { write, styles } = terminal.stderr;
    write(`${styles.yellow('Warning:')} ${escapeControl(warning)}\n`);
  }
  terminal.stdout.write(
    command.json === 'off'
      ? table(result, terminal)
      : formatJson(
          { ...result, sha256: result.sha256 ?? null, rootHash: result.rootHash ?? null },
          command.json,
        ),
  );
}

function describe({ file, parameters }: BuildCommand, directory: string): BuildDescription {
  const optionOf = (name: string): string =>
    `--${Object.entries<Key>(keys).find(([each]) => each === name)?.[1].option ?? name}`;
  const options = readParameters(parameters, { label: 'the command line', directory, nameOf: optionOf });
  if (file === undefined) return completeDescription([options]);
  const absolute = path.resolve(directory, file);
  const source = { label: file, directory: path.dirname(absolute), nameOf: (name: string) => `"${name}"` };
  return completeDescription([readParameters(parseBuildFile(textOf(absolute), file), source), options]);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError(error, 'read', file);
  }
}

/** SOURCE_DATE_EPOCH: seconds since the epoch; file systems have 32 bits for them. */
function timeOf(text: string | undefined): number {
  if (text === undefined || text === '') return 1;
  const time = Number(text);
  if (/^\d+$/.test(text) && time < 2 ** 32) return time;
  throw new UsageError(
    `SOURCE_DATE_EPOCH=${text} is no time`,
    'seconds since 1970, such as "date +%s" prints',
  );
}

function table(result: BuildResult, { stdout }: Terminal): string {
  const columns = [
    { title: 'IMAGE' },
    { title: 'FILES', align: 'right' },
    { title: 'CLOSURE', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'UNITS' },
  ] as const;
  const size = (bytes: number): string => formatSize(BigInt(bytes));
  const [image = ''] = result.outputs;
  const row = [
    image,
    String(result.files),
    size(result.closureBytes),
    size(result.imageBytes),
    result.units.join(' '),
  ];
  return formatTable(columns, [row], stdout, { legend: true });
}
