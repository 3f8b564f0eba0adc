/**
 * Every directory of the host that portabled looks at or writes to, for the system and for a user's session.
 * All are absolute as seen inside the host root; whoever opens one adds the root.
 * Sources: spec "Images" and "Attaching"; systemd.unit(5), section Unit File Load Path; file-hierarchy(7).
 */

export type Scope = 'system' | 'user';

/** Two places for the same thing: kept over a reboot, or not. */
export interface Lifetimes {
  readonly persistent: string;
  readonly runtime: string;
}

export interface HostPaths {
  readonly scope: Scope;
  /** Directories images are looked up in by name, first hit wins. */
  readonly imageSearchPath: readonly string[];
  /** Where images are kept (the PoolPath property). */
  readonly pool: string;
  /** Where attached units go. */
  readonly attached: Lifetimes;
  /** Where they may be besides, because another version of the service manager looked for them there. */
  readonly attachedElsewhere?: Lifetimes;
  /** Where the links go that enable units. */
  readonly enabled: Lifetimes;
  /** Where links to (or copies of) images outside the search path go. */
  readonly imageLinks: Lifetimes;
  /** Directories holding one directory per profile, first hit per name wins. */
  readonly profiles: readonly string[];
  /** Where the service manager looks for unit files, first hit wins. */
  readonly unitPath: readonly string[];
  /** Where journals of unfinished transactions are. */
  readonly journal: Lifetimes;
  /** The file that whoever changes anything locks; gone with the next boot. */
  readonly lock: string;
}

/** Where the system's service manager looks for unit files, first hit wins; images keep theirs there, too. */
export const systemUnitPath: readonly string[] = [
  '/etc/systemd/system.control',
  '/run/systemd/system.control',
  '/run/systemd/transient',
  '/run/systemd/generator.early',
  '/etc/systemd/system',
  '/etc/systemd/system.attached',
  '/run/systemd/system',
  '/run/systemd/system.attached',
  '/run/systemd/generator',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
  '/run/systemd/generator.late',
];

/**
 * The paths of the system scope.
 * @param ownProfiles the profile directory of our own installation, looked at after the host's
 */
export function systemPaths(ownProfiles?: string): HostPaths {
  return {
    scope: 'system',
    imageSearchPath: [
      '/etc/portables',
      '/run/portables',
      '/var/lib/portables',
      '/usr/local/lib/portables',
      '/usr/lib/portables',
    ],
    pool: '/var/lib/portables',
    attached: { persistent: '/etc/systemd/system.attached', runtime: '/run/systemd/system.attached' },
    enabled: { persistent: '/etc/systemd/system', runtime: '/run/systemd/system' },
    imageLinks: { persistent: '/etc/portables', runtime: '/run/portables' },
    profiles: withOwn(
      hostPrefixes.map((prefix) => `${prefix}/systemd/portable/profile`),
      ownProfiles,
    ),
    unitPath: systemUnitPath,
    journal: { persistent: '/var/lib/portabled/transactions', runtime: '/run/portabled/transactions' },
    lock: '/run/portabled/lock',
  };
}

/** The directories of a user's session, as the XDG variables (or their defaults) give them. */
export interface UserDirectories {
  readonly home: string;
  /** XDG_CONFIG_HOME */
  readonly config: string;
  /** XDG_STATE_HOME */
  readonly state: string;
  /** XDG_DATA_HOME */
  readonly data: string;
  /** XDG_RUNTIME_DIR */
  readonly runtime: string;
}

/** The paths of a user's scope. */
export function userPaths(user: UserDirectories, ownProfiles?: string): HostPaths {
  const { home, config, state, data, runtime } = user;
  return {
    scope: 'user',
    imageSearchPath: [
      `${config}/portables`,
      `${runtime}/portables`,
      `${state}/portables`,
      `${home}/.local/lib/portables`,
    ],
    pool: `${state}/portables`,
    attached: { persistent: `${config}/systemd/user.attached`, runtime: `${runtime}/systemd/user.attached` },
    attachedElsewhere: { persistent: `${config}/systemd/user`, runtime: `${runtime}/systemd/user` },
    enabled: { persistent: `${config}/systemd/user`, runtime: `${runtime}/systemd/user` },
    imageLinks: { persistent: `${config}/portables`, runtime: `${runtime}/portables` },
    profiles: withOwn(
      [
        `${config}/systemd/portable/profile`,
        `${runtime}/systemd/portable/profile`,
        ...hostPrefixes.map((prefix) => `${prefix}/systemd/user/portable/profile`),
      ],
      ownProfiles,
    ),
    unitPath: [
      `${config}/systemd/user.control`,
      `${runtime}/systemd/user.control`,
      `${runtime}/systemd/transient`,
      `${runtime}/systemd/generator.early`,
      `${config}/systemd/user`,
      `${config}/systemd/user.attached`,
      '/etc/systemd/user',
      `${runtime}/systemd/user`,
      `${runtime}/systemd/user.attached`,
      '/run/systemd/user',
      `${runtime}/systemd/generator`,
      `${data}/systemd/user`,
      '/usr/local/share/systemd/user',
      '/usr/share/systemd/user',
      '/usr/local/lib/systemd/user',
      '/usr/lib/systemd/user',
      `${runtime}/systemd/generator.late`,
    ],
    journal: { persistent: `${state}/portabled/transactions`, runtime: `${runtime}/portabled/transactions` },
    lock: `${runtime}/portabled/lock`,
  };
}

/**
 * The paths as a running service manager has them. User managers before systemd 260 have no directory of attached
 * units; those go among the user's own then, and stay detachable when systemd has become newer.
 *
 * @param unitPath where the manager looks for unit files
 */
export function withUnitPath(paths: HostPaths, unitPath: readonly string[]): HostPaths {
  const { attached, attachedElsewhere } = paths;
  const found = { ...paths, unitPath };
  if (attachedElsewhere === undefined || unitPath.includes(attached.persistent)) return found;
  return { ...found, attached: attachedElsewhere, attachedElsewhere: attached };
}

/** Every directory that attached units of a lifetime may be in, that of new ones first. */
export function attachedDirectories(
  { attached, attachedElsewhere }: HostPaths,
  lifetime: keyof Lifetimes,
): readonly string[] {
  return [attached[lifetime], ...(attachedElsewhere === undefined ? [] : [attachedElsewhere[lifetime]])];
}

/** Where administrator, running system, local software and vendor keep what systemd reads. */
const hostPrefixes = ['/etc', '/run', '/usr/local/lib', '/usr/lib'];

/** Where certificates are whose owners may sign root hashes (systemd.exec(5), RootHashSignature=). */
export const certificateDirectories: readonly string[] = hostPrefixes.map((prefix) => `${prefix}/verity.d`);

function withOwn(directories: readonly string[], own: string | undefined): readonly string[] {
  return own === undefined ? directories : [...directories, own];
}
