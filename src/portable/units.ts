/** The unit files of an image (spec "Attaching", Which units). */
import { PortableError } from '../base/errors.ts';
import type { Scope } from '../base/host-paths.ts';
import type { Budget } from '../disk/budget.ts';
import type { FileTree } from '../disk/tree.ts';
import { inTree, listDirectory, readContent, resolve } from '../disk/walk.ts';
import { matchesAny, portableUnitType } from './unit-name.ts';

/** A unit file found in an image. */
export interface UnitFile {
  readonly name: string;
  readonly content: Buffer;
  /** Absolute path inside the image, as found. */
  readonly path: string;
  /** The same with all symlinks resolved inside the image: where the content really is. */
  readonly realPath: string;
}

/** Where images keep unit files, first hit per name wins (systemd.unit(5), Unit File Load Path). */
const directories: Readonly<Record<Scope, readonly string[]>> = {
  system: [
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
  ],
  user: [
    '/etc/systemd/user',
    '/run/systemd/user',
    '/usr/local/share/systemd/user',
    '/usr/share/systemd/user',
    '/usr/local/lib/systemd/user',
    '/usr/lib/systemd/user',
  ],
};

/**
 * The unit files of a tree whose names match, sorted by name. Entries that are no usable unit file (wrong type of
 * file, link that leads nowhere, empty) are passed over.
 * @param matches unit name prefixes; empty = every unit
 * @throws PortableError LimitsExceeded for too many or too large files; what reading the image throws
 */
export async function findUnits(
  tree: FileTree,
  scope: Scope,
  matches: readonly string[],
  budget: Budget,
): Promise<ReadonlyMap<string, UnitFile>> {
  const found = new Map<string, UnitFile>();
  const visited = new Set<string>();
  for (const directory of directories[scope]) {
    const real = await realDirectory(tree, directory, budget);
    if (real === undefined || visited.has(real)) continue;
    visited.add(real);
    for (const entry of (await listDirectory(tree, real, budget)) ?? []) {
      const name = entry.name.toString('latin1');
      if (found.has(name) || portableUnitType(name) === undefined || !matchesAny(name, matches)) continue;
      if (entry.kind !== 'file' && entry.kind !== 'symlink') continue;
      budget.charge('unitFiles');
      const unit = await readUnit(tree, `${real}/${name}`, budget);
      if (unit !== undefined) found.set(name, { name, path: `${directory}/${name}`, ...unit });
    }
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function realDirectory(tree: FileTree, path: string, budget: Budget): Promise<string | undefined> {
  const found = await resolve(tree, path, budget, { follow: true });
  if (found === undefined) return undefined;
  await found.node.close();
  return found.node.stat.kind === 'directory' ? found.path.toString() : undefined;
}

/** A unit file's content and where it is, or undefined when the entry leads to none. */
async function readUnit(
  tree: FileTree,
  path: string,
  budget: Budget,
): Promise<Pick<UnitFile, 'content' | 'realPath'> | undefined> {
  const found = await resolveQuietly(tree, path, budget);
  if (found === undefined) return undefined;
  try {
    const { kind, size } = found.node.stat;
    if (kind !== 'file' || size === 0n) return undefined;
    const content = await readContent(found.node, budget.limits.unitFileBytes, budget, inTree(tree, path));
    return { content, realPath: found.path.toString() };
  } finally {
    await found.node.close();
  }
}

/** A link that loops is as good as one that leads nowhere: it affects only itself. */
async function resolveQuietly(tree: FileTree, path: string, budget: Budget): ReturnType<typeof resolve> {
  try {
    return await resolve(tree, path, budget, { follow: true });
  } catch (error) {
    if (error instanceof PortableError && error.code === 'Loop') return undefined;
    throw error;
  }
}
