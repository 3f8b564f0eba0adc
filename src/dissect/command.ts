/** The command portabled-dissect: arguments to what is to be known of an image, or to words about what is wrong. */
import { escapeControl } from '../base/errors.ts';
import { Budget, defaultLimits, type Limits } from '../disk/budget.ts';
import { openImage } from '../disk/open.ts';
import type { FileTree } from '../disk/tree.ts';
import { formatFailure, UsageError } from '../terminal/failure.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Command, helpText, parseCommandLine } from './arguments.ts';
import { fileContent, listFiles } from './files.ts';
import { locate } from './locate.ts';
import { inspectImage } from './report.ts';
import { showJson, showText } from './show.ts';

/** Everything the command takes from the process it is in. */
export interface CommandEnvironment {
  readonly args: readonly string[];
  readonly terminal: Terminal;
  /** Our own version. */
  readonly version: string;
}

/** Exit codes: done, failed, not understood. */
const [done, failed, misused] = [0, 1, 2];

/** Whoever asks for all of an image's files gets them, however many there are; memory does not grow with them. */
const generous: Limits = {
  ...defaultLimits,
  directoryEntries: 100_000_000,
  metadataBlocks: 100_000_000,
  wallTimeMs: 24 * 60 * 60 * 1000,
};

/** @returns the exit code */
export async function main(environment: CommandEnvironment): Promise<number> {
  const { stderr } = environment.terminal;
  try {
    await run(parseCommandLine(environment.args), environment);
    return done;
  } catch (error) {
    stderr.write(formatFailure(error, stderr));
    return error instanceof UsageError ? misused : failed;
  }
}

async function run(command: Command, { terminal, version }: CommandEnvironment): Promise<void> {
  const { stdout } = terminal;
  switch (command.kind) {
    case 'help': {
      stdout.write(helpText);
      return;
    }
    case 'version': {
      stdout.write(`portabled-dissect ${version}\n`);
      return;
    }
    case 'show': {
      const report = await inspectImage(locate(command.image), new Budget(command.image));
      const { json, legend } = command;
      stdout.write(json === 'off' ? showText(report, stdout, legend) : showJson(report, json));
      return;
    }
    case 'list':
      return withTree(command.image, async (tree, budget) => {
        for await (const file of listFiles(tree, budget)) stdout.write(lineOf(file, stdout.isTerminal));
      });
    case 'cat':
      return withTree(command.image, async (tree, budget) => {
        for await (const bytes of fileContent(tree, command.file, budget)) stdout.write(bytes);
      });
  }
}

/** Names are bytes for programs; on a terminal, control characters would be commands to it. */
function lineOf(file: Buffer, isTerminal: boolean): Buffer {
  return Buffer.concat([isTerminal ? Buffer.from(escapeControl(file.toString())) : file, Buffer.from('\n')]);
}

async function withTree(
  image: string,
  use: (tree: FileTree, budget: Budget) => Promise<void>,
): Promise<void> {
  const budget = new Budget(image, generous);
  const opened = await openImage(locate(image), budget);
  try {
    await use(opened.tree, budget);
  } finally {
    await opened.close();
  }
}
