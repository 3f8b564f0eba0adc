#!/usr/bin/env node
/** portabled: the daemon. Everything it takes from the process it is in goes through here. */
import { writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { isatty } from 'node:tty';

import { findOwnProfiles } from '../base/own-profiles.ts';
import { main } from '../daemon/main.ts';

const stdout = 1;
const stderr = 2;

void main({
  args: process.argv.slice(2),
  env: process.env,
  pid: process.pid,
  uid: process.geteuid?.() ?? 0,
  home: process.env['HOME'] ?? homedir(),
  ownProfiles: findOwnProfiles(import.meta.dirname),
  signals: process,
  stdout: (text) => void writeSync(stdout, text),
  stderrIsTerminal: () => isatty(stderr),
  exit: (code) => process.exit(code),
}).then(
  (code) => process.exit(code),
  (error: unknown) => {
    writeSync(
      stderr,
      `portabled: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  },
);
