#!/usr/bin/env node
/** portablectl: the client. Everything it takes from the process it is in goes through here. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { main } from '../client/main.ts';
import { processTerminal } from '../terminal/process-terminal.ts';

// nobody reads on (head, less): that is no failure
const terminal = processTerminal(process.env, () => process.exit(0));

/** The profiles that came with us are next to us where we are installed, in a checkout two directories up. */
const profiles = ['.', '../../systemd']
  .map((directory) => join(import.meta.dirname, directory))
  .find((directory) => existsSync(join(directory, 'profile')));

void main({
  args: process.argv.slice(2),
  env: process.env,
  uid: process.geteuid?.() ?? 0,
  home: process.env['HOME'] ?? homedir(),
  ownProfiles:
    profiles === undefined
      ? undefined
      : { system: join(profiles, 'profile'), user: join(profiles, 'user-profile') },
  cwd: process.cwd(),
  terminal,
}).then((code) => process.exit(code));
