/** From the command line to the exit code. */
import { messageOf, PortableError } from '../base/errors.ts';
import { version } from '../base/version.ts';
import { noServiceManager } from '../host/service-manager.ts';
import { parseCommandLine, type RunOptions } from './args.ts';
import { composePortables, pathsFor } from './compose.ts';
import { loadConfig } from './config/load.ts';
import { systemConfigDirs, userConfigDirs } from './config/files.ts';
import type { Config } from './config/options.ts';
import { userDirectories } from '../base/user-directories.ts';
import type { Surroundings } from './environment.ts';
import { DaemonLog } from './log/log.ts';
import { isJournalStream, writeStderr } from './log/stderr.ts';
import { recoverHost, reloadManager } from './recovery.ts';
import { serveOnBus } from './serve-on-bus.ts';
import type { SignalSource } from './signals.ts';

/** The process we are in. */
export interface Process extends Surroundings {
  /** Without the program's own name. */
  readonly args: readonly string[];
  readonly signals: SignalSource & {
    on(event: 'exit', listener: () => void): unknown;
    on(event: 'uncaughtException', listener: (error: unknown) => void): unknown;
  };
  readonly stdout: (text: string) => void;
  readonly stderrIsTerminal: () => boolean;
  readonly exit: (code: number) => void;
}

/**
 * Runs what the command line asks for.
 * @returns the exit code: 0 done, 1 failed, 2 misused
 */
export async function main(process: Process): Promise<number> {
  const command = parseCommandLine(process.args, version);
  switch (command.kind) {
    case 'print':
      process.stdout(command.text);
      return 0;
    case 'misuse':
      writeStderr(command.text);
      return 2;
    case 'run':
      return await run(process, command.options);
  }
}

async function run(process: Process, options: RunOptions): Promise<number> {
  const user = userDirectories(process);
  const dirs = options.user ? userConfigDirs(user) : systemConfigDirs;
  const { config, warnings } = await loadConfig(options.root, dirs);
  const log = openLog(process, config);
  for (const warning of warnings) log.warning(warning);
  try {
    const paths = pathsFor(options, user, process.ownProfiles);
    const { root } = options;
    if (options.action === 'serve') return await serveOnBus({ process, options, config, paths, user, log });
    const portables = await composePortables({
      root,
      paths,
      limits: config.limits,
      manager: noServiceManager,
      log,
    });
    return (await recoverHost(portables, log, () => reloadManager(root, paths.scope))) ? 0 : 1;
  } catch (error) {
    log.error(describe(error));
    return 1;
  } finally {
    await log.flush();
  }
}

/** The log of the process, and the last words of a process that ends in a way nobody thought of. */
function openLog(process: Process, config: Config): DaemonLog {
  const { env, pid, signals, stderrIsTerminal, exit } = process;
  const log = new DaemonLog({
    level: config.logLevel,
    target: config.logTarget,
    identifier: 'portabled',
    pid,
    toJournal: isJournalStream(env['JOURNAL_STREAM']),
    colour: () => (env['NO_COLOR'] ?? '') === '' && stderrIsTerminal(),
    write: writeStderr,
  });
  signals.on('exit', () => {
    log.flushNow();
  });
  signals.on('uncaughtException', (error) => {
    log.error(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    void log.flush().finally(() => exit(1));
  });
  return log;
}

/** A failure we know, in words; one we do not, with its stack. */
function describe(error: unknown): string {
  if (error instanceof PortableError || !(error instanceof Error)) return messageOf(error);
  return error.stack ?? error.message;
}
