/** A file tree made of plain objects, for tests of what stands on the tree interface. */
import type { DirectoryEntry, FileTree, NodeKind, NodeStat, TreeNode } from '../../src/disk/tree.ts';

/** A file (its content, with extended attributes or without), a directory, a symlink, or any other kind of node by name. */
export type Entry =
  | string
  | Buffer
  | { readonly content: string; readonly xattrs: Readonly<Record<string, string>> }
  | { readonly link: string }
  | { readonly kind: NodeKind }
  | Directory;

/** Names → entries; a Map, since names like "link" and "kind" are taken. */
export type Directory = ReadonlyMap<string, Entry>;

/** A directory from name–entry pairs. */
export function directory(entries: Readonly<Record<string, Entry>> = {}): Directory {
  return new Map(Object.entries(entries));
}

export interface MemoryTree extends FileTree {
  /** Nodes handed out and not closed yet. */
  readonly openNodes: number;
}

export function memoryTree(root: Directory, name = 'memory'): MemoryTree {
  const open = { count: 0 };
  return {
    type: 'memory',
    name,
    get openNodes() {
      return open.count;
    },
    root: () => Promise.resolve(memoryNode(root, open)),
    close: () => Promise.resolve(),
  };
}

function memoryNode(entry: Entry, open: { count: number }): TreeNode {
  open.count++;
  let closed = false;
  const content = plain(entry);
  const xattrs = typeof entry === 'object' && 'xattrs' in entry ? entry.xattrs : {};
  return {
    stat: statOf(content),
    lookup(entryName) {
      if (!(entry instanceof Map)) return Promise.reject(new Error('lookup in a node that is no directory'));
      const found = (entry as Directory).get(entryName.toString());
      return Promise.resolve(found === undefined ? undefined : memoryNode(found, open));
    },
    async *entries(): AsyncGenerator<DirectoryEntry> {
      await Promise.resolve();
      if (!(entry instanceof Map)) throw new Error('entries of a node that is no directory');
      for (const [each, what] of entry as Directory) {
        yield { name: Buffer.from(each), kind: kindOf(plain(what)) };
      }
    },
    readlink: () => Promise.resolve(Buffer.from((entry as { link: string }).link)),
    read(offset, length) {
      if (!Buffer.isBuffer(content)) return Promise.reject(new Error('read of a node that is no file'));
      return Promise.resolve(content.subarray(Number(offset), Number(offset) + length));
    },
    xattrs: () =>
      Promise.resolve(new Map(Object.entries(xattrs).map(([key, value]) => [key, Buffer.from(value)]))),
    close() {
      if (!closed) open.count--;
      closed = true;
      return Promise.resolve();
    },
  };
}

type PlainEntry = Exclude<Entry, string | { readonly content: string }>;

function plain(entry: Entry): PlainEntry {
  if (typeof entry === 'string') return Buffer.from(entry);
  return 'content' in entry ? Buffer.from(entry.content) : entry;
}

function kindOf(entry: PlainEntry): NodeKind {
  if (Buffer.isBuffer(entry)) return 'file';
  if (entry instanceof Map) return 'directory';
  return 'link' in entry ? 'symlink' : (entry as { kind: NodeKind }).kind;
}

function statOf(entry: PlainEntry): NodeStat {
  const size = Buffer.isBuffer(entry) ? BigInt(entry.length) : 0n;
  return { kind: kindOf(entry), mode: 0o755, uid: 0, gid: 0, size, inode: 1n, links: 1, mtime: 0n };
}
