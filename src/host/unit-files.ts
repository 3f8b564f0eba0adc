/**
 * States of unit files ("enabled", "static", …) worked out from the files, as the service manager does it.
 * The manager can be asked, but looks through every unit file on the host again for each one it is asked about:
 * with 400 attached images that takes it two seconds, with 1,000 six. This looks once.
 * Sources: systemctl(1), "is-enabled"; systemd.unit(5), "Unit File Load Path"; test/host/systemd1.test.ts compares.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { PortableError } from '../base/errors.ts';
import { resolvedOnDisk } from '../base/logical-path.ts';
import { readSmallFile } from '../base/small-file.ts';
import { hasRules, maxUnitFile, parseInstall, type Install } from './enabling/install-section.ts';
import { instanceOf } from './unit-name.ts';

export type UnitFileState =
  | 'enabled'
  | 'enabled-runtime'
  | 'linked'
  | 'linked-runtime'
  | 'alias'
  | 'masked'
  | 'masked-runtime'
  | 'static'
  | 'disabled'
  | 'indirect'
  | 'generated'
  | 'transient'
  | 'bad';

/** So many small files are read before others get their turn: through the thread pool they would take 20 times as long. */
const atOnce = 50;

/**
 * The states of those of `names` that have a unit file.
 * @param unitPath the service manager's search path, highest priority first (its UnitPath property)
 * @param root put before every directory
 */
export async function unitFileStates(
  unitPath: readonly string[],
  names: readonly string[],
  root = '/',
): Promise<ReadonlyMap<string, UnitFileState>> {
  const directories = unitPath.map((path) => scanDirectory(unitPath, path, root));
  const states = new Map<string, UnitFileState>();
  for (const [n, name] of names.entries()) {
    if (n % atOnce === 0) await setImmediate();
    const home = directories.find(({ entries }) => entries.has(name));
    if (home !== undefined) states.set(name, stateOf(name, home, directories, root));
  }
  return states;
}

/** A directory of the search path, looked at once. */
interface UnitDirectory {
  /** In the host. */
  readonly path: string;
  readonly onDisk: string;
  /** Name → whether it is a symlink. */
  readonly entries: ReadonlyMap<string, boolean>;
  /** How long the links live that are found here; undefined where they enable nothing. */
  readonly lifetime: '' | '-runtime' | undefined;
  /** Names of the links in NAME.wants, NAME.requires and NAME.upholds. */
  readonly wanted: ReadonlySet<string>;
  /** File name that links lead to → those links. */
  readonly leadingTo: ReadonlyMap<string, readonly Link[]>;
}

interface Link {
  readonly name: string;
  /** Directly in the directory, not in a NAME.wants. */
  readonly direct: boolean;
}

function scanDirectory(unitPath: readonly string[], path: string, root: string): UnitDirectory {
  const onDisk = inTree(root, path);
  const found = list(onDisk);
  const entries = new Map(found.map((entry) => [entry.name, entry.isSymbolicLink()]));
  const lifetime = lifetimeOf(unitPath, path);
  const wanted = new Set<string>();
  const leadingTo = new Map<string, Link[]>();
  const note = (directory: string, name: string, direct: boolean): void => {
    const target = basename(linkTarget(join(directory, name)) ?? '');
    const links = leadingTo.get(target);
    if (links === undefined) leadingTo.set(target, [{ name, direct }]);
    else links.push({ name, direct });
  };
  for (const entry of lifetime === undefined ? [] : found) {
    if (entry.isSymbolicLink()) note(onDisk, entry.name, true);
    if (!/\.(?:wants|requires|upholds)$/.test(entry.name)) continue;
    const group = inTree(root, join(path, entry.name));
    for (const { name } of list(group)) {
      wanted.add(name);
      note(group, name, false);
    }
  }
  return { path, onDisk, entries, lifetime, wanted, leadingTo };
}

/** Links enable units in the administrator's own directories, and in everything that is made anew at boot. */
function lifetimeOf(unitPath: readonly string[], path: string): '' | '-runtime' | undefined {
  const ofSystem = unitPath.includes('/etc/systemd/system');
  const configured = path.endsWith('.control') || unitPath.includes(`${path}.control`);
  const forAllUsers = path === '/etc/systemd/user' || path === '/run/systemd/user';
  if (path.startsWith('/run/')) return ofSystem || configured || forAllUsers ? '-runtime' : undefined;
  return configured || forAllUsers ? '' : undefined;
}

function stateOf(
  name: string,
  home: UnitDirectory,
  directories: readonly UnitDirectory[],
  root: string,
): UnitFileState {
  const file = join(home.onDisk, name);
  const target = home.entries.get(name) === true ? linkTarget(file) : undefined;
  if (target === '/dev/null') return masked(home);
  const real = target === undefined ? undefined : resolve(home.path, target);
  const text = readUnit(real === undefined ? file : inTree(root, real));
  if (text === undefined) return 'bad';
  if (real !== undefined && basename(real) !== name) return 'alias';
  // a link to a unit that is found by the same name anyway
  if (real !== undefined && directories.some(({ path }) => path === dirname(real))) return 'bad';
  if (text === '') return masked(home);
  const place = basename(home.path);
  if (place === 'transient') return 'transient';
  if (/^generator(?:\.early|\.late)?$/.test(place)) return 'generated';
  return installedState(name, parseInstall(text), directories);
}

function masked(home: UnitDirectory): UnitFileState {
  return home.path.startsWith('/run/') ? 'masked-runtime' : 'masked';
}

/** The state by the links there are, or could be. Links that stay count before those that go with the next boot. */
function installedState(
  name: string,
  install: Install,
  directories: readonly UnitDirectory[],
): UnitFileState {
  const known = knownNames(name, install);
  const byLifetime = (['', '-runtime'] as const).map((lifetime) => ({
    lifetime,
    found: directories.filter((directory) => directory.lifetime === lifetime),
  }));
  for (const { lifetime, found } of byLifetime) {
    if (found.some((directory) => isEnabledIn(directory, name, known))) return `enabled${lifetime}`;
  }
  for (const { lifetime, found } of byLifetime) {
    if (found.some(({ entries }) => entries.get(name) === true)) return `linked${lifetime}`;
  }
  const links = byLifetime.flatMap(({ found }) =>
    found.flatMap(({ leadingTo }) => leadingTo.get(name) ?? []),
  );
  if (links.some((link) => !known.includes(link.name))) return 'indirect';
  if (hasRules(install)) return 'disabled';
  return install.also.length > 0 ? 'indirect' : 'static';
}

/** Whether there is a link that enabling the unit would make. */
function isEnabledIn({ wanted, leadingTo }: UnitDirectory, name: string, known: readonly string[]): boolean {
  if (known.some((one) => wanted.has(one))) return true;
  const links = leadingTo.get(name) ?? [];
  return links.some((link) => link.direct && link.name !== name && known.includes(link.name));
}

/** The names under which a unit can be enabled: its own, its aliases, a template's default instance. */
function knownNames(name: string, { aliases, defaultInstance }: Install): readonly string[] {
  const instance = defaultInstance === '' ? [] : [instanceOf(name, defaultInstance)];
  return [name, ...aliases, ...instance];
}

/** The text of a unit file, undefined when there is none: it may be a link into an image that somebody changes. */
function readUnit(file: string): string | undefined {
  try {
    const content = readSmallFile(file, maxUnitFile);
    return content === 'other' ? undefined : content?.toString();
  } catch (error) {
    if (error instanceof PortableError) return undefined;
    throw error;
  }
}

/** Where a path of the host is on disk; the empty path, where no file is, for a link that loops. */
function inTree(root: string, path: string): string {
  try {
    return resolvedOnDisk(root, path);
  } catch (error) {
    if (error instanceof PortableError && error.code === 'Loop') return '';
    throw error;
  }
}

/** What cannot be listed holds no units. */
function list(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
