/**
 * What disabling units in a tree comes down to: the links that `systemctl --root=DIR disable` would remove.
 * Source: systemctl(1), "disable"; test/host/enabling.test.ts compares.
 */
import { readdir } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import path from 'node:path';
import { PortableError, errnoOf, fileError } from '../../base/errors.ts';
import { linkTarget, notALink, resolvedOnDisk } from '../../base/logical-path.ts';
import { findUnit, type UnitTree } from './find-unit.ts';
import { resolveSpecifiers } from './specifiers.ts';
import { templateOf } from '../unit-name.ts';

export interface DisableRequest {
  readonly tree: UnitTree;
  /** The directory whose links go: /etc/systemd/system, or below /run. */
  readonly directory: string;
  readonly units: readonly string[];
}

/**
 * All links by which units, and those they name in Also=, are enabled or have other names; those of a template's
 * instances, too. Units that are masked stay as they are.
 * @returns paths, those of links to links behind these
 * @throws PortableError when directories cannot be read
 */
export async function linksToRemove({ tree, directory, units }: DisableRequest): Promise<readonly string[]> {
  if (units.length === 0) return [];
  const names = await withAuxiliary(tree, units);
  const links = await unitLinks(tree.root, directory);
  const removed = new Set<string>();
  for (let before = -1; before < removed.size;) {
    before = removed.size;
    for (const link of links) {
      if (removed.has(link.path) || !(isMeant(link.name, names) || isMeant(link.target, names))) continue;
      removed.add(link.path);
      names.add(link.name);
    }
  }
  return [...removed];
}

async function withAuxiliary(tree: UnitTree, units: readonly string[]): Promise<Set<string>> {
  const names = new Set<string>();
  const wanted = [...units];
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
    if (names.has(name)) continue;
    const unit = await findUnit(tree, name);
    if (unit === 'masked') continue;
    names.add(name);
    if (unit === undefined) continue;
    names.add(unit.name);
    wanted.push(...unit.install.also.flatMap((also) => resolveOrNone(also, unit.name)));
  }
  return names;
}

/** What cannot be resolved now was not enabled by us either. */
function resolveOrNone(word: string, unit: string): readonly string[] {
  try {
    return [resolveSpecifiers(word, unit)];
  } catch (error) {
    if (error instanceof PortableError) return [];
    throw error;
  }
}

function isMeant(name: string, names: ReadonlySet<string>): boolean {
  return names.has(name) || names.has(templateOf(name) ?? name);
}

interface Link {
  readonly path: string;
  readonly name: string;
  /** The file name that it leads to. */
  readonly target: string;
}

/** The links in a directory and in the NAME.wants, NAME.requires and NAME.upholds there. */
async function unitLinks(root: string, directory: string): Promise<readonly Link[]> {
  const links: Link[] = [];
  for (const entry of await list(root, directory)) {
    const at = `${directory}/${entry.name}`;
    if (entry.isSymbolicLink()) links.push(...readLink(root, at));
    if (!entry.isDirectory() || !/\.(?:wants|requires|upholds)$/.test(entry.name)) continue;
    for (const below of await list(root, at)) {
      if (below.isSymbolicLink()) links.push(...readLink(root, `${at}/${below.name}`));
    }
  }
  return links;
}

function readLink(root: string, at: string): readonly Link[] {
  const target = linkTarget(root, at);
  if (target === undefined || target === notALink || target === '/dev/null') return [];
  return [{ path: at, name: path.basename(at), target: path.basename(target) }];
}

async function list(root: string, directory: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(resolvedOnDisk(root, directory), { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fileError(error, 'look for links in', directory);
  }
}
