/** The unit files of an image (spec "Attaching", Which units). */
import { PortableError } from '../base/errors.ts';
import { systemUnitPath, type Scope } from '../base/host-paths.ts';
import type { Budget } from '../disk/budget.ts';
import type { FileTree, TreeNode } from '../disk/tree.ts';
import { inTree, readContent, resolve } from '../disk/walk.ts';
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
  system: systemUnitPath,
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
    const opened = await resolve(tree, directory, budget, { follow: true });
    if (opened === undefined) continue;
    const { node, path } = opened;
    try {
      const real = path.toString();
      if (node.stat.kind !== 'directory' || visited.has(real)) continue;
      visited.add(real);
      for (const name of await unitNames(node, matches, budget)) {
        if (found.has(name)) continue;
        const unit = await readUnit(tree, node, real, name, budget);
        if (unit !== undefined) found.set(name, { name, path: `${directory}/${name}`, ...unit });
      }
    } finally {
      await node.close();
    }
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The entries of a directory that may be units: all are counted before the first is read. */
async function unitNames(
  directory: TreeNode,
  matches: readonly string[],
  budget: Budget,
): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const entry of directory.entries()) {
    const name = entry.name.toString('latin1');
    if (portableUnitType(name) === undefined || !matchesAny(name, matches)) continue;
    if (entry.kind !== 'file' && entry.kind !== 'symlink') continue;
    budget.charge('unitFiles');
    names.push(name);
  }
  return names;
}

/** A unit file's content and where it is, or undefined when the entry of the directory `parent` leads to none. */
async function readUnit(
  tree: FileTree,
  parent: TreeNode,
  directory: string,
  name: string,
  budget: Budget,
): Promise<Pick<UnitFile, 'content' | 'realPath'> | undefined> {
  const path = `${directory}/${name}`;
  const entry = await parent.lookup(Buffer.from(name, 'latin1'));
  if (entry?.stat.kind !== 'symlink') return entry && readOpened(entry, tree, path, path, budget);
  await entry.close();
  const target = await resolveQuietly(tree, path, budget);
  return target && readOpened(target.node, tree, path, target.path.toString(), budget);
}

/** Reads the node and closes it; anything but a file with something in it is no unit. */
async function readOpened(
  node: TreeNode,
  tree: FileTree,
  path: string,
  realPath: string,
  budget: Budget,
): Promise<Pick<UnitFile, 'content' | 'realPath'> | undefined> {
  try {
    if (node.stat.kind !== 'file' || node.stat.size === 0n) return undefined;
    const content = await readContent(node, budget.limits.unitFileBytes, budget, () => inTree(tree, path));
    return { content, realPath };
  } finally {
    await node.close();
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
