#!/usr/bin/env node
/** portabled-dissect: shows what an image is. Everything it takes from the process it is in goes through here. */
import { version } from '../base/version.ts';
import { main } from '../dissect/command.ts';
import { processTerminal } from '../terminal/process-terminal.ts';

void main({
  args: process.argv.slice(2),
  // whoever read our output has read enough of it
  terminal: processTerminal(process.env, () => process.exit(0)),
  version,
}).then((exitCode) => {
  process.exitCode = exitCode;
});
