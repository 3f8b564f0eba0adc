/** Finds the files of a unit in a tree: the first of its name in the search path, and its drop-ins. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { PortableError, errnoOf, fileError, quoted } from '../../base/errors.ts';
import { linkTarget, notALink, resolveInside, resolvedOnDisk } from '../../base/logical-path.ts';
import { readSmallFile } from '../../base/small-file.ts';
import { maxUnitFile, parseInstall, type Install } from './install-section.ts';
import { templateOf } from '../unit-name.ts';

/** A unit file that is about to be put in place. */
export type PendingUnit = { readonly content: Buffer } | { readonly target: string };

export interface UnitTree {
  /** Directory that stands for "/". */
  readonly root: string;
  /** Where the service manager looks for unit files, first hit wins. */
  readonly unitPath: readonly string[];
  /** Files that are not there yet, by their paths as seen from the root. */
  readonly pending?: ReadonlyMap<string, PendingUnit>;
}

export interface FoundUnit {
  /** Its own name, even if it was asked for by an alias. */
  readonly name: string;
  /** The file that links to the unit lead to. */
  readonly file: string;
  /** Where in the search path it was found, if only as a link to a file that is elsewhere. */
  readonly linkedFrom: string | undefined;
  readonly install: Install;
}

/** Aliases of aliases. */
const maxAliases = 16;

/**
 * The unit of a name, or of the template it is an instance of.
 * @returns undefined when there is none, "masked" when it may not be used
 * @throws PortableError when a file cannot be read
 */
export async function findUnit(
  tree: UnitTree,
  name: string,
  aliases = 0,
): Promise<FoundUnit | 'masked' | undefined> {
  const found = findFile(tree, name) ?? findFile(tree, templateOf(name) ?? name);
  if (found === undefined || found === 'masked') return found;
  const { at, real, text } = found;
  const isAlias = real !== at && tree.unitPath.includes(path.dirname(real));
  if (isAlias && path.basename(real) !== path.basename(at)) {
    if (aliases === maxAliases)
      throw new PortableError('Loop', `${quoted(name)} is an alias too often`, { file: at });
    return findUnit(tree, path.basename(real), aliases + 1);
  }
  const install = parseInstall(text, ...(await dropIns(tree, name)));
  return { name, file: real, linkedFrom: real === at || isAlias ? undefined : at, install };
}

interface UnitFile {
  /** Where in the search path. */
  readonly at: string;
  /** With links resolved. */
  readonly real: string;
  readonly text: string;
}

function findFile(tree: UnitTree, name: string): UnitFile | 'masked' | undefined {
  for (const directory of tree.unitPath) {
    const at = `${directory}/${name}`;
    const target = targetOf(tree, at);
    if (target === undefined) continue;
    if (target === '/dev/null') return 'masked';
    const real = target === at ? at : resolveInside(tree.root, target);
    const text = textOf(tree, real);
    if (text !== undefined) return text === '' ? 'masked' : { at, real, text };
  }
  return undefined;
}

/** Where a link leads; the path itself for anything else; undefined when nothing is there. */
function targetOf(tree: UnitTree, at: string): string | undefined {
  const pending = tree.pending?.get(at);
  if (pending !== undefined) return 'target' in pending ? pending.target : at;
  const target = linkTarget(tree.root, at);
  return target === notALink ? at : target;
}

/** What a unit file or drop-in says; undefined where no file is. */
function textOf(tree: UnitTree, file: string): string | undefined {
  const pending = tree.pending?.get(file);
  if (pending !== undefined && 'content' in pending) return pending.content.toString();
  const content = readSmallFile(resolvedOnDisk(tree.root, file), maxUnitFile, file);
  return content === 'other' ? undefined : content?.toString();
}

/** The drop-ins of a unit, in the order in which they count; of several with one name the first directory's. */
async function dropIns(tree: UnitTree, name: string): Promise<readonly string[]> {
  const files = new Map<string, string>();
  for (const owner of [name, templateOf(name)]) {
    for (const directory of owner === undefined ? [] : tree.unitPath) {
      const group = `${directory}/${owner ?? ''}.d`;
      for (const file of await namesIn(tree, group)) {
        if (file.endsWith('.conf') && !files.has(file)) files.set(file, `${group}/${file}`);
      }
    }
  }
  const texts: string[] = [];
  for (const [, file] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    texts.push(textOf(tree, file) ?? '');
  return texts;
}

async function namesIn({ root }: UnitTree, directory: string): Promise<readonly string[]> {
  try {
    return await readdir(resolvedOnDisk(root, directory));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw fileError(error, 'look for drop-ins in', directory);
  }
}
