#!/usr/bin/env node
/** portabled: the daemon. Everything it takes from the process it is in goes through here. */
import { existsSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isatty } from 'node:tty';

import { main } from '../daemon/main.ts';

const stdout = 1;
const stderr = 2;

/** The profiles that came with us are next to us where we are installed, in a checkout two directories up. */
const profiles = ['.', '../../systemd']
  .map((directory) => join(import.meta.dirname, directory))
  .find((directory) => existsSync(join(directory, 'profile')));

void main({
  args: process.argv.slice(2),
  env: process.env,
  pid: process.pid,
  uid: process.geteuid?.() ?? 0,
  home: process.env['HOME'] ?? homedir(),
  ownProfiles:
    profiles === undefined
      ? undefined
      : { system: join(profiles, 'profile'), user: join(profiles, 'user-profile') },
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
