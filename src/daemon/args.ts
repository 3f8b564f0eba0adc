/** The command line of portabled. */
import { isAbsolute, normalize } from 'node:path';
import { parseArgs } from 'node:util';

import { messageOf } from '../base/errors.ts';

/** What to run, and where. */
export interface RunOptions {
  /** serve on the bus, or only finish what a crash left and exit. */
  readonly action: 'serve' | 'recover';
  /** The user's own service manager and directories. */
  readonly user: boolean;
  /** The host root: "/" for the machine itself, anything else is a tree without a service manager. */
  readonly root: string;
  /** D-Bus address of another bus than the system's or the user's. */
  readonly bus: string | undefined;
}

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'run'; readonly options: RunOptions }
  /** Text for standard output; success. */
  | { readonly kind: 'print'; readonly text: string }
  /** Text for standard error; exit code 2. */
  | { readonly kind: 'misuse'; readonly text: string };

const help = `Usage: portabled [OPTION…]

Serves org.freedesktop.portable1 on the system bus: attaches, inspects and detaches portable service images.
Usually started by the bus when somebody calls it; see portablectl(1) for a client.

      --user         serve on the user's bus, with the user's directories and service manager
      --root DIR     work on the tree DIR instead of the running system (needs --bus, or --recover)
      --bus ADDRESS  serve on the bus at this D-Bus address; callers with our own user ID may do everything
      --recover      finish or undo what an interrupted attach, detach or reattach left behind, then exit
  -h, --help         show this text
      --version      show the version

Configuration: /etc/portabled.conf and portabled.conf.d/*.conf (with --user: in $XDG_CONFIG_HOME).
`;

/** @param args without the program's own name */
export function parseCommandLine(args: readonly string[], version: string): Command {
  // as the bus starts us: no need to load a parser
  if (args.length === 0) return { kind: 'run', options: runOptions({}) };
  try {
    const { values } = parseArgs({ args: [...args], options: optionTypes, allowPositionals: false });
    if (values.help === true) return { kind: 'print', text: help };
    if (values.version === true) return { kind: 'print', text: `portabled ${version}\n` };
    return { kind: 'run', options: runOptions(values) };
  } catch (error) {
    // parseArgs tells misuse by the error's code, we by its class; anything else is a bug
    if (!(error instanceof Misuse) && !isParseError(error)) throw error;
    const text = `portabled: ${messageOf(error)}\nTry 'portabled --help'.\n`;
    return { kind: 'misuse', text };
  }
}

const optionTypes = {
  user: { type: 'boolean' },
  root: { type: 'string' },
  bus: { type: 'string' },
  recover: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

interface Values {
  readonly user?: boolean;
  readonly root?: string;
  readonly bus?: string;
  readonly recover?: boolean;
}

class Misuse extends Error {}

function runOptions(values: Values): RunOptions {
  const root = values.root ?? '/';
  const action = values.recover === true ? 'recover' : 'serve';
  if (!isAbsolute(root)) throw new Misuse(`--root needs an absolute path, not '${root}'`);
  if (values.bus === '') throw new Misuse('--bus needs a D-Bus address, such as unix:path=/run/my/bus');
  if (normalize(root) !== '/' && action === 'serve' && values.bus === undefined) {
    throw new Misuse('--root needs --bus: a tree is not served on the bus of the running system');
  }
  return { action, user: values.user === true, root: normalize(root), bus: values.bus };
}

function isParseError(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.startsWith('ERR_PARSE_ARGS_')
  );
}
