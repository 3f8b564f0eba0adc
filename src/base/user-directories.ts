/** Where a user's session keeps things. */
import { isAbsolute, join } from 'node:path';

import type { UserDirectories } from './host-paths.ts';

interface UserProcess {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Effective user id. */
  readonly uid: number;
  /** The user's home directory. */
  readonly home: string;
}

/**
 * The directories of the user's session, by the variables of the XDG base directory specification or their defaults
 * (https://specifications.freedesktop.org/basedir-spec/latest/): a relative path in one of them counts as unset.
 */
export function userDirectories({ env, uid, home }: UserProcess): UserDirectories {
  const directory = (variable: string, otherwise: string): string => {
    const value = env[variable];
    return value !== undefined && isAbsolute(value) ? value : otherwise;
  };
  return {
    home,
    config: directory('XDG_CONFIG_HOME', join(home, '.config')),
    state: directory('XDG_STATE_HOME', join(home, '.local/state')),
    data: directory('XDG_DATA_HOME', join(home, '.local/share')),
    runtime: directory('XDG_RUNTIME_DIR', `/run/user/${uid}`),
  };
}
