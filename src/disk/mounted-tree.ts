/** Several file systems as one tree, each at its mount point, as the service manager would mount them. */
import { PortableError, quoted } from '../base/errors.ts';
import type { Budget } from './budget.ts';
import type { DirectoryEntry, FileTree, NodeStat, TreeNode } from './tree.ts';
import { resolve } from './walk.ts';

/** A file system to be mounted; opened when a path first leads into it. */
export interface Mount {
  /** Names from the root: ["var", "tmp"]. */
  readonly at: readonly string[];
  readonly open: () => Promise<FileTree>;
}

/**
 * @param root what `mounts` are mounted on; undefined: an empty directory that has nothing but the mount points
 * @param name what error messages call the whole
 */
export function mountedTree(root: FileTree | undefined, mounts: readonly Mount[], name: string): FileTree {
  const top = new MountPoint(name, '');
  for (const mount of mounts) top.add(mount);
  return {
    type: root?.type ?? 'directory',
    name,
    root: async () => top.over(await (root === undefined ? emptyDirectory(top) : root.root())),
    close: async () => {
      await root?.close();
      await top.close();
    },
  };
}

/**
 * Where `mounts` are to be mounted, and `root` has no directory for it: "/home".
 * @throws PortableError what the reader of `root` throws
 */
export async function missingMountPoints(
  root: FileTree | undefined,
  mounts: readonly Mount[],
  budget: Budget,
): Promise<readonly string[]> {
  // without a root file system, there is an empty one in memory that directories are made in
  if (root === undefined) return [];
  // /var/tmp is where /var is, on its own partition or not; only the outer one is the root's
  const outer = mounts.filter(
    ({ at }) => !mounts.some((other) => other.at.length < at.length && other.at[0] === at[0]),
  );
  const missing: string[] = [];
  for (const { at } of outer) {
    const path = `/${at.join('/')}`;
    const found = await resolve(root, path, budget, { follow: true });
    if (found?.node.stat.kind !== 'directory') missing.push(path);
    await found?.node.close();
  }
  return missing;
}

/** A directory that something is mounted on or below. */
class MountPoint {
  readonly #image: string;
  readonly #path: string;
  readonly children = new Map<string, MountPoint>();
  #open: Mount['open'] | undefined;
  #tree: Promise<FileTree> | undefined;

  constructor(image: string, path: string) {
    this.#image = image;
    this.#path = path;
  }

  add(mount: Mount): void {
    const [name, ...rest] = mount.at;
    if (name === undefined) {
      this.#open = mount.open;
      return;
    }
    const child = this.children.get(name) ?? new MountPoint(this.#image, `${this.#path}/${name}`);
    this.children.set(name, child);
    child.add({ at: rest, open: mount.open });
  }

  /** `node`, a directory of the file system that has this mount point, with what is mounted below it. */
  over(node: TreeNode): TreeNode {
    if (this.children.size === 0) return node;
    return {
      stat: node.stat,
      entries: () => node.entries(),
      readlink: () => node.readlink(),
      read: (offset, length) => node.read(offset, length),
      xattrs: () => node.xattrs(),
      close: () => node.close(),
      lookup: async (name) => {
        const below = await node.lookup(name);
        const child = this.children.get(name.toString('latin1'));
        return child === undefined ? below : child.#enter(below);
      },
    };
  }

  async close(): Promise<void> {
    for (const child of this.children.values()) await child.close();
    // what never opened has nothing to close
    const tree = await this.#tree?.catch(() => undefined);
    await tree?.close();
  }

  /** The directory that is seen here, in place of `covered`, which is closed. */
  async #enter(covered: TreeNode | undefined): Promise<TreeNode | undefined> {
    if (this.#open === undefined) return covered === undefined ? undefined : this.over(covered);
    await covered?.close();
    if (covered?.stat.kind !== 'directory') throw this.#missing();
    this.#tree ??= this.#open();
    return this.over(await (await this.#tree).root());
  }

  #missing(): PortableError {
    return new PortableError(
      'InvalidArgs',
      `${quoted(this.#image)} has a partition for ${this.#path}, but no directory to mount it on`,
      { file: this.#image },
    );
  }
}

const emptyStat: NodeStat = {
  kind: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0n,
  inode: 1n,
  links: 2,
  mtime: 0n,
};

/** A directory that has nothing but empty directories for what is mounted on it. */
function emptyDirectory(point: MountPoint): TreeNode {
  const none = (): Promise<never> => Promise.reject(new Error('a directory has no content'));
  return {
    stat: emptyStat,
    lookup(name) {
      const child = point.children.get(name.toString('latin1'));
      return Promise.resolve(child === undefined ? undefined : emptyDirectory(child));
    },
    async *entries(): AsyncGenerator<DirectoryEntry> {
      for (const name of point.children.keys()) {
        yield await Promise.resolve({ name: Buffer.from(name), kind: 'directory' as const });
      }
    },
    readlink: none,
    read: none,
    xattrs: () => Promise.resolve(new Map()),
    close: () => Promise.resolve(),
  };
}
