/** From the command line to the exit code. */
import { PortableError } from '../base/errors.ts';
import type { Scope } from '../base/host-paths.ts';
import { version } from '../base/version.ts';
import { didYouMean, formatFailure, UsageError } from '../terminal/failure.ts';
import { page } from '../terminal/pager.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { readCommandLine, type CommandLine, type Given } from './command-line/parse.ts';
import { copyModes, settingsFrom } from './command-line/settings.ts';
import { argumentSynopsis, defaultVerb, verbs, type VerbEntry } from './command-line/verbs.ts';
import { openServices } from './open.ts';
import type { Verb } from './verb.ts';

/** The process we are in. */
export interface Process {
  /** Without the program's own name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Effective user id. */
  readonly uid: number;
  /** The user's home directory. */
  readonly home: string;
  /** Directories of the profiles that came with us; undefined where we were not installed with any. */
  readonly ownProfiles: Readonly<Record<Scope, string>> | undefined;
  readonly cwd: string;
  readonly terminal: Terminal;
}

/**
 * Runs what the command line asks for.
 * @returns the exit code: 0 done, 1 failed or misused, as systemd's client has it
 */
export async function main(process: Process): Promise<number> {
  const { stderr } = process.terminal;
  try {
    return await run(process, readCommandLine(process.args));
  } catch (error) {
    stderr.write(formatFailure(asSentence(error), stderr));
    return 1;
  }
}

/** Messages of the engine begin in the middle of a sentence; a person reads them at its beginning. */
function asSentence(error: unknown): unknown {
  if (!(error instanceof PortableError)) return error;
  const { message, hint } = error;
  return new UsageError(message.charAt(0).toUpperCase() + message.slice(1), hint);
}

async function run(process: Process, commandLine: CommandLine): Promise<number> {
  const { given, words } = commandLine;
  const told = await answerAtOnce(process, commandLine);
  if (told) return 0;
  const typed = settingsFrom(given);
  const [name = defaultVerb, ...args] = words;
  const entry = findVerb(name);
  checkCount(entry, args.length);
  checkDryRun(entry, given);
  const settings = { ...typed, askPassword: typed.askPassword && entry.asks === true };
  const load = given.some(isProfileHelp) ? listProfiles : entry.load;
  const [verb, services] = await Promise.all([load(), openServices(settings, process)]);
  try {
    const { env, terminal, cwd } = process;
    const context = { settings, args, env, terminal, cwd, services };
    if (settings.dryRun) (await import('./target.ts')).sayThatNothingChanges(context);
    return await verb(context);
  } catch (error) {
    const { withGuess } = await import('./guess.ts');
    throw await withGuess(error, services.images, { verb: name, image: args[0] });
  } finally {
    await services.close();
  }
}

/** --help, --version and --copy=help are answered by whoever comes first. @returns whether one of them was there */
async function answerAtOnce(process: Process, { given, words }: CommandLine): Promise<boolean> {
  const { stdout } = process.terminal;
  const first = given.find(
    ({ name, value }) => name === 'help' || name === 'version' || (name === 'copy' && value === 'help'),
  );
  if (first === undefined && words[0] !== 'help') return false;
  if (first?.name === 'version') stdout.write(`portablectl (portabled) ${version}\n`);
  else if (first?.name === 'copy') stdout.write([...copyModes.keys()].map((name) => `${name}\n`).join(''));
  else {
    const { helpText } = await import('./command-line/help.ts');
    const wanted = given.every(({ name }) => name !== 'no-pager');
    await page(helpText(stdout.styles, stdout.columns), stdout, process.env, wanted);
  }
  return true;
}

/** --profile=help lists the profiles, whatever the verb. */
function isProfileHelp({ name, value }: Given): boolean {
  return name === 'profile' && value === 'help';
}

async function listProfiles(): Promise<Verb> {
  return (await import('./verbs/profiles.ts')).profiles;
}

/** @throws UsageError with a guess at what was meant */
function findVerb(name: string): VerbEntry {
  const entry = verbs.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  const names = verbs.map((verb) => verb.name);
  throw new UsageError(
    `There is no command '${name}'${didYouMean(name, names)}`,
    `the commands are ${names.join(', ')}; portablectl --help says what they do`,
  );
}

/** What cannot be tried must not be done instead. @throws UsageError */
function checkDryRun({ name, options }: VerbEntry, given: readonly Given[]): void {
  if (options.includes('dry-run') || !given.some((one) => one.name === 'dry-run')) return;
  const able = verbs.filter((verb) => verb.options.includes('dry-run')).map((verb) => verb.name);
  throw new UsageError(`${name} has no --dry-run.`, `it is for ${able.join(', ')}`);
}

/** @throws UsageError */
function checkCount({ name, arguments: expected }: VerbEntry, count: number): void {
  const least = expected.filter(({ optional }) => optional !== true).length;
  const most = expected.some(({ repeats }) => repeats === true) ? Infinity : expected.length;
  if (count >= least && count <= most) return;
  const words = [name, ...expected.map(argumentSynopsis)].join(' ');
  throw new UsageError(`Too ${count < least ? 'few' : 'many'} arguments.`, `portablectl ${words}`);
}
