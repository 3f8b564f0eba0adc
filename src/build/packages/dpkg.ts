/** The Debian packages installed in a source root: dpkg's database, /var/lib/dpkg (deb-control(5), dpkg-query(1)). */
import { readFileSync } from 'node:fs';

import { fileError, PortableError, quoted } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import type { SourceRoot } from '../source-root.ts';

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Each: the names of packages any one of which will do. */
  readonly depends: readonly (readonly string[])[];
  /** Names it also goes by. */
  readonly provides: readonly string[];
}

const statusFile = '/var/lib/dpkg/status';
const infoDirectory = '/var/lib/dpkg/info';

export class Dpkg {
  readonly #source: SourceRoot;
  readonly #packages = new Map<string, DebianPackage[]>();
  #owners: ReadonlyMap<string, DebianPackage> | undefined;

  /** @throws PortableError NotSupported when the source root has no such database */
  constructor(source: SourceRoot) {
    this.#source = source;
    const status = readText(source, statusFile);
    if (status === undefined) {
      const file = source.onDisk(statusFile);
      throw new PortableError(
        'NotSupported',
        `${quoted(file)} does not exist: no Debian packages are there`,
        {
          file,
          hint: 'name files with --content',
        },
      );
    }
    for (const paragraph of status.split(/\n{2,}/)) this.#add(paragraph);
  }

  /** Whether there are packages at all. */
  static isIn(source: SourceRoot): boolean {
    return source.find(statusFile) !== undefined;
  }

  /**
   * An installed package, "name" or "name:architecture".
   * @throws PortableError FileNotFound, with a name that is close
   */
  named(text: string): DebianPackage {
    const [name = '', architecture] = text.split(':');
    const found = this.#find(name, architecture);
    if (found !== undefined) return found;
    const meant = nearest(name, [...this.#packages.keys()]);
    throw new PortableError(
      'FileNotFound',
      `the package ${quoted(text)} is not installed in the source root`,
      {
        hint: meant === undefined ? `apt-get install ${name}` : `did you mean "${meant}"?`,
      },
    );
  }

  /** The first of these that is installed, or provided by one that is. */
  anyOf(names: readonly string[]): DebianPackage | undefined {
    return names.map((name) => this.#find(name)).find((each) => each !== undefined);
  }

  /** The paths that a package has installed, directories included, as it lists them. */
  files({ name, architecture }: DebianPackage): readonly string[] {
    const list =
      readText(this.#source, `${infoDirectory}/${name}:${architecture}.list`) ??
      readText(this.#source, `${infoDirectory}/${name}.list`);
    return (list ?? '').split('\n').filter((path) => path.startsWith('/') && path !== '/.');
  }

  /** The package that a file belongs to. @param real its path without symlinks */
  owner(real: string): DebianPackage | undefined {
    this.#owners ??= new Map(
      [...this.#packages.values()].flat().flatMap((each) => this.files(each).map((path) => [path, each])),
    );
    // from before /usr was merged, packages list /bin/sh
    return this.#owners.get(real) ?? this.#owners.get(real.replace(/^\/usr/, ''));
  }

  #find(name: string, architecture?: string): DebianPackage | undefined {
    const found = this.#packages.get(name) ?? [];
    const native = this.#packages.get('dpkg')?.[0]?.architecture;
    return architecture === undefined || architecture === 'any'
      ? (found.find((each) => [native, 'all'].includes(each.architecture)) ?? found[0])
      : found.find((each) => each.architecture === architecture);
  }

  /** A paragraph of the status file. */
  #add(paragraph: string): void {
    const fields = new Map(
      [...paragraph.matchAll(/^([A-Za-z-]+):[ \t]*(.*)$/gm)].map(([, key = '', value = '']) => [key, value]),
    );
    const name = fields.get('Package');
    if (name === undefined || fields.get('Status')?.endsWith(' installed') !== true) return;
    const provides = groupsOf(fields.get('Provides') ?? '').flat();
    const installed: DebianPackage = {
      name,
      version: fields.get('Version') ?? '',
      architecture: fields.get('Architecture') ?? '',
      depends: [...groupsOf(fields.get('Pre-Depends') ?? ''), ...groupsOf(fields.get('Depends') ?? '')],
      provides,
    };
    for (const each of [name, ...provides]) {
      const others = this.#packages.get(each) ?? [];
      // the package of that name before those that provide it
      this.#packages.set(each, each === name ? [installed, ...others] : [...others, installed]);
    }
  }
}

/** "a (>= 1) | b:any, c" → [["a", "b"], ["c"]]. */
function groupsOf(relations: string): string[][] {
  return relations
    .split(',')
    .map((group) => group.split('|').flatMap((each) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(each)?.[1] ?? []))
    .filter((group) => group.length > 0);
}

function readText(source: SourceRoot, inside: string): string | undefined {
  const found = source.find(inside);
  if (found?.stat.isFile() !== true) return undefined;
  const file = source.onDisk(found.path);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError(error, 'read', file);
  }
}
