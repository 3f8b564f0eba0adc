#!/usr/bin/env node
/** portable-build: builds images. Everything it takes from the process it is in goes through here. */
import { constants } from 'node:os';

import { main } from '../build/command.ts';
import { version } from '../base/version.ts';
import { processTerminal } from '../terminal/process-terminal.ts';

const ended = new AbortController();
/** What shells say of a program that a signal ended: 128 and the signal's number. */
let exitCode: number | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    exitCode = 128 + constants.signals[signal];
    ended.abort(new Error(`ended by ${signal}: nothing was built`));
  });
}

// whoever reads our output no longer wants it: what was built is built
const terminal = processTerminal(process.env, () => process.exit(exitCode));

void main({
  args: process.argv.slice(2),
  env: process.env,
  directory: process.cwd(),
  terminal,
  version,
  signal: ended.signal,
}).then((code) => {
  process.exitCode = exitCode ?? code;
});
