import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { Scope } from './host-paths.ts';

/** Seen from a program's directory: next to it where it is installed; from dist/ or src/, and from src/bin/. */
const places = ['.', '../systemd', '../../systemd'];

/**
 * The directories of the profiles that came with a program of ours.
 * @param program the directory that the program is in
 * @returns undefined where it was not installed with any
 */
export function findOwnProfiles(program: string): Readonly<Record<Scope, string>> | undefined {
  const found = places.map((place) => join(program, place)).find((each) => existsSync(join(each, 'profile')));
  if (found === undefined) return undefined;
  return { system: join(found, 'profile'), user: join(found, 'user-profile') };
}
