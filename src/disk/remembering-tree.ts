/**
 * A tree that remembers the directories it has been led through: an inspection asks for a dozen paths that begin the
 * same, and each step of a path costs system calls, or decoded blocks. What a directory has been found to hold stays
 * true until the tree is closed, so that all answers are of one moment.
 */
import type { FileTree, TreeNode } from './tree.ts';

/** Directories held open, and names known to be missing; past that nothing more is remembered. */
const maxDirectories = 64;
const maxMissing = 1024;

interface Memory {
  readonly directories: RememberingDirectory[];
  missing: number;
}

/** `tree`, remembering. Closing it closes `tree`. */
export function rememberingTree(tree: FileTree): FileTree {
  const memory: Memory = { directories: [], missing: 0 };
  let root: Promise<TreeNode> | undefined;
  return {
    type: tree.type,
    name: tree.name,
    root: () => (root ??= tree.root().then((node) => remember(node, memory))),
    async close() {
      for (const directory of memory.directories.splice(0)) await directory.forget();
      await tree.close();
    },
  };
}

/** A directory to be kept open; anything else, and any directory past the limit, is the caller's as it is. */
function remember(node: TreeNode, memory: Memory): TreeNode {
  if (node.stat.kind !== 'directory' || memory.directories.length >= maxDirectories) return node;
  const directory = new RememberingDirectory(node, memory);
  memory.directories.push(directory);
  return directory;
}

class RememberingDirectory implements TreeNode {
  readonly #node: TreeNode;
  readonly #memory: Memory;
  readonly #known = new Map<string, TreeNode | undefined>();

  constructor(node: TreeNode, memory: Memory) {
    this.#node = node;
    this.#memory = memory;
  }

  get stat(): TreeNode['stat'] {
    return this.#node.stat;
  }

  async lookup(name: Buffer): Promise<TreeNode | undefined> {
    const key = name.toString('latin1');
    if (this.#known.has(key)) return this.#known.get(key);
    const found = await this.#node.lookup(name);
    if (found === undefined) {
      if (++this.#memory.missing <= maxMissing) this.#known.set(key, undefined);
      return undefined;
    }
    const child = remember(found, this.#memory);
    if (child !== found) this.#known.set(key, child);
    return child;
  }

  entries(): ReturnType<TreeNode['entries']> {
    return this.#node.entries();
  }

  readlink(): Promise<Buffer> {
    return this.#node.readlink();
  }

  read(offset: bigint, length: number): Promise<Buffer> {
    return this.#node.read(offset, length);
  }

  xattrs(): ReturnType<TreeNode['xattrs']> {
    return this.#node.xattrs();
  }

  /** Stays open: it may be asked for again. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  forget(): Promise<void> {
    this.#known.clear();
    return this.#node.close();
  }
}
