/** What the options ask for, typed. */
import type { CopyMode } from '../../portable/requests.ts';
import { didYouMean, UsageError } from '../../terminal/failure.ts';
import { jsonMode, type JsonMode } from '../../terminal/json.ts';
import type { Given } from './parse.ts';

/** Whose daemon to talk to. */
export type Place =
  | { readonly kind: 'local' }
  /** "user@host:port/container" over ssh. */
  | { readonly kind: 'remote'; readonly host: string }
  /** "container" or "user@container". */
  | { readonly kind: 'machine'; readonly machine: string };

export interface Settings {
  readonly place: Place;
  readonly user: boolean;
  /** A tree instead of a running system; as typed. */
  readonly root: string | undefined;
  readonly dryRun: boolean;
  readonly pager: boolean;
  readonly legend: boolean;
  readonly askPassword: boolean;
  readonly quiet: boolean;
  readonly json: JsonMode;
  readonly profile: string;
  readonly copyMode: CopyMode;
  readonly runtime: boolean;
  readonly reload: boolean;
  readonly cat: boolean;
  readonly enable: boolean;
  readonly now: boolean;
  readonly block: boolean;
  readonly extensions: readonly string[];
  readonly force: boolean;
  readonly clean: boolean;
}

/** The profile when none is chosen, as in systemd. */
export const defaultProfile = 'default';

/** @throws UsageError for arguments of options that cannot be meant */
export function settingsFrom(given: readonly Given[]): Settings {
  const has = (name: Given['name']): boolean => given.some((one) => one.name === name);
  const last = (name: Given['name']): string | undefined => given.findLast((one) => one.name === name)?.value;
  const user = given.findLast(({ name }) => name === 'user' || name === 'system')?.name === 'user';
  checkTogether(given, user);
  return {
    place: placeFrom(given),
    user,
    root: treeOf(last('root')),
    dryRun: has('dry-run'),
    pager: !has('no-pager'),
    legend: !has('no-legend'),
    askPassword: !has('no-ask-password'),
    quiet: has('quiet'),
    json: jsonMode(last('json') ?? 'off'),
    profile: profileName(last('profile') ?? defaultProfile),
    copyMode: copyMode(last('copy')),
    runtime: has('runtime'),
    reload: !has('no-reload'),
    cat: has('cat'),
    enable: has('enable'),
    now: has('now'),
    block: !has('no-block'),
    extensions: given.flatMap(({ name, value }) =>
      name === 'extension' && value !== undefined ? [value] : [],
    ),
    force: has('force'),
    clean: has('clean'),
  };
}

/** @throws UsageError for options that contradict each other */
function checkTogether(given: readonly Given[], user: boolean): void {
  const find = (...names: readonly Given['name'][]): Given['name'] | undefined =>
    given.find(({ name }) => names.includes(name))?.name;
  const elsewhere = find('host', 'machine');
  const inTree = find('now', 'clean') ?? elsewhere ?? (user ? 'user' : undefined);
  if (find('root') !== undefined && inTree !== undefined) {
    throw new UsageError(
      `--root= and --${inTree} do not go together`,
      'a tree holds services of a system, and nothing runs in it',
    );
  }
  if (find('dry-run') !== undefined && elsewhere !== undefined) {
    throw new UsageError(
      `--dry-run and --${elsewhere} do not go together`,
      'what would be changed is worked out from files, which are elsewhere',
    );
  }
}

/** The words that --copy= knows: "auto" is what happens without it. */
export const copyModes: ReadonlyMap<string, CopyMode> = new Map([
  ['auto', ''],
  ['copy', 'copy'],
  ['symlink', 'symlink'],
  ['mixed', 'mixed'],
]);

function placeFrom(given: readonly Given[]): Place {
  const option = given.findLast(({ name }) => name === 'host' || name === 'machine');
  const value = option?.value ?? '';
  if (option === undefined) return { kind: 'local' };
  if (option.name === 'host') return { kind: 'remote', host: value };
  if (!isMachine(value)) throw new UsageError(`--machine= needs the name of a container, not '${value}'`);
  return { kind: 'machine', machine: value };
}

/** A host name or ".host", with "user@" before it or not: machinectl(1), "--machine=". */
function isMachine(text: string): boolean {
  return /^([^@\s/]*@)?(\.host|[A-Za-z0-9][A-Za-z0-9._-]{0,63})?$/.test(text) && text !== '';
}

function copyMode(text: string | undefined): CopyMode {
  if (text === undefined) return '';
  const mode = copyModes.get(text);
  if (mode !== undefined) return mode;
  const names = [...copyModes.keys()];
  throw new UsageError(
    `There is no copy mode '${text}'${didYouMean(text, names)}`,
    `--copy= knows ${names.join(', ')}`,
  );
}

/** Nothing is a variable that nobody has set, rather than the directory we are in. */
function treeOf(root: string | undefined): string | undefined {
  if (root !== '') return root;
  throw new UsageError(
    '--root= needs the directory that holds the tree, not nothing.',
    '--root=. is the one you are in',
  );
}

/** A name, or a path: what has a slash in it. */
function profileName(text: string): string {
  if (text !== '' && text !== '.' && text !== '..') return text;
  throw new UsageError(`'${text}' is not the name of a profile`, 'portablectl --profile=help lists them');
}
