/** Where booted test hosts are kept. Everything else takes these as an argument; only entry points read the environment. */

/** The Debian releases the hosts run, and the systemd each of them has. */
export const suites = { bookworm: 252, trixie: 257, forky: 262 } as const;

/** A Debian release that a host can be booted from. */
export type Suite = keyof typeof suites;

/** Places and sources that differ between machines. */
export interface HostSettings {
  /** Directory of bootstrapped trees, one per suite; kept between runs, outside any checkout. */
  readonly cacheRoot: string;
  /** Directory of running hosts; each host removes its own part when it stops. */
  readonly runRoot: string;
  /** Debian mirror for debootstrap and apt. */
  readonly mirror: string;
}

/** The settings of a process environment: PORTABLED_HOST_CACHE, PORTABLED_HOST_RUN, PORTABLED_DEBIAN_MIRROR. */
export function hostSettings(env: NodeJS.ProcessEnv): HostSettings {
  return {
    cacheRoot: env['PORTABLED_HOST_CACHE'] ?? '/var/cache/portabled-hosts',
    runRoot: env['PORTABLED_HOST_RUN'] ?? '/var/tmp/portabled-hosts',
    mirror: env['PORTABLED_DEBIAN_MIRROR'] ?? 'http://deb.debian.org/debian',
  };
}

/** The suites named in PORTABLED_HOST_SUITES ("bookworm trixie"), or the given default. */
export function chosenSuites(env: NodeJS.ProcessEnv, otherwise: readonly Suite[]): readonly Suite[] {
  const words = (env['PORTABLED_HOST_SUITES'] ?? '').split(/\s+/).filter((word) => word !== '');
  return words.length === 0 ? otherwise : words.map(parseSuite);
}

/** A suite name as typed by a person; throws on one no host can be booted from. */
export function parseSuite(word: string): Suite {
  for (const suite of Object.keys(suites) as Suite[]) if (suite === word) return suite;
  throw new Error(`no such suite: '${word}' (known: ${Object.keys(suites).join(', ')})`);
}
