/**
 * What enabling units in a tree comes down to: the links that `systemctl --root=DIR enable` would make.
 * Sources: systemctl(1), "enable"; systemd.unit(5), "[Install] Section Options"; test/host/enabling.test.ts compares.
 */
import path from 'node:path';
import { PortableError, messageOf, quoted } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { linkTarget, notALink, resolveInside } from '../../base/logical-path.ts';
import { findUnit, type FoundUnit, type UnitTree } from './find-unit.ts';
import { resolveSpecifiers } from './specifiers.ts';
import { instanceOf, isTemplate, parseUnitName } from '../unit-name.ts';

export interface UnitLink {
  readonly path: string;
  readonly target: string;
}

export interface EnableRequest {
  readonly tree: UnitTree;
  /** The directory that links go to: /etc/systemd/system, or below /run. */
  readonly directory: string;
  readonly units: readonly string[];
  /** Replace what is in the way, unless it is a directory. */
  readonly force: boolean;
  readonly log: Log;
}

/**
 * The links that are missing for units, and those they name in Also=, to be enabled. Units without an [Install] section
 * need none. A template without an instance to start by default is passed over, and logged, where only an instance
 * could be enabled.
 * @throws PortableError NoSuchUnit, FileExists when something else is in a link's place, InvalidArgs for an [Install]
 *   section that makes no sense
 */
export async function linksToEnable(request: EnableRequest): Promise<readonly UnitLink[]> {
  const links = new Map<string, UnitLink>();
  for (const unit of await withAuxiliary(request)) {
    for (const link of linksOf(unit, request)) {
      if (isNeeded(link, request)) links.set(link.path, link);
    }
  }
  return [...links.values()];
}

/** The units asked for and, behind them, the units these want enabled with them. */
async function withAuxiliary({ tree, units, log }: EnableRequest): Promise<readonly FoundUnit[]> {
  const found = new Map<string, FoundUnit | undefined>();
  const wanted = [...units];
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
    if (found.has(name)) continue;
    const unit = await findUnit(tree, name);
    const isAsked = units.includes(name);
    if (unit === undefined || unit === 'masked') {
      if (isAsked) throw unusable(name, unit);
      log.notice(
        `not enabling ${quoted(name)}, which another unit names in Also=: ${unit ?? 'there is no such unit'}`,
      );
      found.set(name, undefined);
      continue;
    }
    found.set(name, unit);
    wanted.push(...unit.install.also.map((also) => resolve(also, unit)));
  }
  return [...found.values()].filter((unit) => unit !== undefined);
}

function unusable(name: string, what: 'masked' | undefined): PortableError {
  if (what === undefined)
    return new PortableError('NoSuchUnit', `there is no unit ${quoted(name)}`, { file: name });
  return new PortableError('Failed', `the unit ${quoted(name)} is masked and cannot be enabled`, {
    file: name,
    hint: `systemctl unmask ${name}`,
    dbusName: 'org.freedesktop.systemd1.UnitMasked',
  });
}

/** All links of a unit, there already or not. */
function linksOf(unit: FoundUnit, { directory, log }: EnableRequest): readonly UnitLink[] {
  const { name, file, install, linkedFrom } = unit;
  const link = (at: string, target: string): UnitLink => ({ path: `${directory}/${at}`, target });
  // a file that is only linked into the search path gets a link here, which its aliases then lead to
  const self = linkedFrom === undefined ? [] : [link(path.basename(linkedFrom), file)];
  const aliases = install.aliases
    .map((alias) => aliasOf(unit, resolve(alias, unit)))
    .filter((alias) => alias !== name)
    .map((alias) => link(alias, self[0]?.path ?? file));
  const wants = Object.entries({
    wants: install.wantedBy,
    requires: install.requiredBy,
    upholds: install.upheldBy,
  }).flatMap(([kind, by]) =>
    by.flatMap((word) => {
      const wanting = resolve(word, unit);
      const wanted = linkName(unit, wanting);
      if (wanted !== undefined) return [link(`${wanting}.${kind}/${wanted}`, file)];
      log.notice(
        `not enabling ${quoted(name)} for ${quoted(wanting)}: it is a template without a DefaultInstance=`,
      );
      return [];
    }),
  );
  return [...self, ...aliases, ...wants];
}

/** A word of an [Install] section with specifiers resolved, which must be the name of a unit. */
function resolve(word: string, unit: FoundUnit): string {
  try {
    const name = resolveSpecifiers(word, specifierName(unit));
    if (parseUnitName(name) !== undefined) return name;
    throw new PortableError('InvalidArgs', `${quoted(name)} is not the name of a unit`);
  } catch (error) {
    const message = `the [Install] section of ${quoted(unit.name)} cannot be followed: ${messageOf(error)}`;
    throw new PortableError('InvalidArgs', message, { file: unit.file, cause: error });
  }
}

/** The name that specifiers are about: that of the instance which a template is enabled as. */
function specifierName({ name, install }: FoundUnit): string {
  return isTemplate(name) && install.defaultInstance !== ''
    ? instanceOf(name, install.defaultInstance)
    : name;
}

/** A unit may be known under another name of the same sort: type, and plain, template or instance, must fit. */
function aliasOf(unit: FoundUnit, alias: string): string {
  const [own, other] = [parseUnitName(unit.name), parseUnitName(alias)];
  if (own?.type === other?.type && own !== undefined && other !== undefined) {
    if (own.instance === undefined && other.instance === undefined) return alias;
    if (own.instance === '' && other.instance !== undefined) return alias;
    if (own.instance !== undefined && other.instance === '') return instanceOf(alias, own.instance);
    if (own.instance !== undefined && own.instance === other.instance) return alias;
  }
  throw new PortableError('InvalidArgs', `${quoted(unit.name)} cannot have the alias ${quoted(alias)}`, {
    file: unit.file,
    hint: 'an alias has the same type and is a template, or an instance, where the unit is one',
  });
}

/** What a unit is called in NAME.wants: a template goes by its default instance, or by itself where NAME is one, too. */
function linkName({ name, install }: FoundUnit, wanting: string): string | undefined {
  if (!isTemplate(name)) return name;
  if (install.defaultInstance !== '') return instanceOf(name, install.defaultInstance);
  return isTemplate(wanting) ? name : undefined;
}

/** Whether a link has to be made, or made anew. @throws PortableError FileExists when its place is taken */
function isNeeded({ path: at, target }: UnitLink, { tree, force }: EnableRequest): boolean {
  const present = linkTarget(tree.root, at);
  if (present === undefined) return true;
  if (present !== notALink) {
    const leadsTo = resolveInside(tree.root, present);
    const sameUnit =
      path.basename(leadsTo) === path.basename(target) && tree.unitPath.includes(path.dirname(leadsTo));
    if (leadsTo === target || sameUnit) return false;
    const isWant = /\.(?:wants|requires|upholds)$/.test(path.dirname(at));
    const meansNothing = leadsTo === '/dev/null' || linkTarget(tree.root, leadsTo) === undefined;
    if (isWant || meansNothing || force) return true;
  } else if (force) return true;
  const what = present === notALink ? 'a file' : `a link to ${quoted(present)}`;
  throw new PortableError('FileExists', `cannot enable a unit by ${quoted(at)}: ${what} is there`, {
    file: at,
    hint: 'remove it, or use --force',
  });
}
