/** `npm run install:system` and `npm run uninstall:system`. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { errnoOf, messageOf } from '../base/errors.ts';
import { reload, stopDaemon, takeOver } from './host.ts';
import { install } from './install.ts';
import { bundleDirectory } from './layout.ts';
import { uninstall } from './uninstall.ts';

const help = `Usage: npm run install:system -- [--destdir DIR] [--prefix DIR] [--node PROGRAM]
       npm run uninstall:system -- [--destdir DIR] [--prefix DIR] [--force]

      --destdir DIR   put everything below DIR, for a package or an image; the running system is left alone
      --prefix DIR    where the daemon goes (default /usr/local)
      --node PROGRAM  the Node that runs it (default: the one that runs this)
      --force         uninstall even if attached units lose their profile
`;

const doNothing = (): Promise<void> => Promise.resolve();

function say(text: string): void {
  process.stdout.write(`portabled: ${text}\n`);
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      destdir: { type: 'string' },
      prefix: { type: 'string', default: '/usr/local' },
      node: { type: 'string', default: process.execPath },
      force: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [verb] = positionals;
  if (values.help === true || positionals.length !== 1 || (verb !== 'install' && verb !== 'uninstall')) {
    process.stdout.write(help);
    return values.help === true ? 0 : 2;
  }
  const live = values.destdir === undefined;
  const root = resolve(values.destdir ?? '/');
  const prefix = resolve('/', values.prefix);
  if (verb === 'install') {
    await install({
      root,
      prefix,
      node: values.node,
      bundle: bundleDirectory,
      say,
      replaceRunning: live ? takeOver : doNothing,
      signal,
    });
    say(`installed in ${prefix}${live ? '; the next call on the bus starts it' : ` below ${root}`}`);
    return 0;
  }
  const stopRunning = live ? stopDaemon : doNothing;
  const found = await uninstall({ root, prefix, force: values.force, say, stopRunning });
  if (found && live) await reload();
  say(found ? `uninstalled from ${prefix}` : `not installed in ${prefix}, nothing to do`);
  return 0;
}

const endings = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Given when somebody wants this to end. */
function untilSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of endings)
    process.on(name, () => {
      // who asks a second time is not waited for
      if (stop.signal.aborted) endBy(name);
      stop.abort(name);
    });
  return stop.signal;
}

/** Ends as the signal would have ended it, which is what others see. */
function endBy(signal: NodeJS.Signals): void {
  for (const name of endings) process.removeAllListeners(name);
  process.kill(process.pid, signal);
}

const stopped = untilSignal();
try {
  process.exitCode = await main(process.argv.slice(2), stopped);
} catch (error) {
  if (stopped.aborted) endBy(stopped.reason as NodeJS.Signals);
  const hint =
    errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM' ? ' (run this as root, or with --destdir)' : '';
  process.stderr.write(`portabled: ${messageOf(error)}${hint}\n`);
  process.exitCode = 1;
}
