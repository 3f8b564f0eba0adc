#!/usr/bin/env node
/** portablectl: the client. Everything it takes from the process it is in goes through here. */
import { homedir } from 'node:os';

import { findOwnProfiles } from '../base/own-profiles.ts';
import { main } from '../client/main.ts';
import { processTerminal } from '../terminal/process-terminal.ts';

// nobody reads on (head, less): that is no failure
const terminal = processTerminal(process.env, () => process.exit(0));

void main({
  args: process.argv.slice(2),
  env: process.env,
  uid: process.geteuid?.() ?? 0,
  // few verbs look at these
  get home() {
    return process.env['HOME'] ?? homedir();
  },
  get ownProfiles() {
    return findOwnProfiles(import.meta.dirname);
  },
  cwd: process.cwd(),
  terminal,
}).then((code) => process.exit(code));
