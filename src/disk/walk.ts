/**
 * Paths inside a file tree. Symlinks are resolved in the tree alone: an absolute target starts again at the
 * tree's root and '..' stops there, so no path of an image leads out of it (spec "Dissecting an image").
 */
import { PortableError, escapeControl, quoted } from '../base/errors.ts';
import type { Budget } from './budget.ts';
import { Trail } from './trail.ts';
import type { DirectoryEntry, FileTree, NodeKind, TreeNode } from './tree.ts';

/** Where a path led. */
export interface Resolved {
  /** The caller closes it. */
  readonly node: TreeNode;
  /** Absolute path in the tree, without symlinks (but for the last component, where links are not followed). */
  readonly path: Buffer;
}

export interface ResolveOptions {
  /** Whether a symlink at the end of the path is followed, too. In a path that ends in '/' it always is. */
  readonly follow: boolean;
}

/**
 * What `path` (from the tree's root, with or without a leading '/') leads to; undefined when it does not exist,
 * or leads through a link to something that does not.
 *
 * @throws PortableError InvalidArgs when a component that must be a directory is none, Loop after more links than
 *   the budget allows, LimitsExceeded when the path gets too deep; and whatever the tree's reader throws
 */
export function resolve(
  tree: FileTree,
  path: string | Buffer,
  budget: Budget,
  options: ResolveOptions,
): Promise<Resolved | undefined> {
  return naming(tree, path, () => walk(tree, path, budget, options.follow));
}

/**
 * The content of the regular file at `path`, links followed; undefined when there is none.
 *
 * @param maxBytes a longer file is refused
 * @throws PortableError as resolve; InvalidArgs when it is not a regular file, LimitsExceeded when it is too long
 */
export function readFile(
  tree: FileTree,
  path: string | Buffer,
  maxBytes: number,
  budget: Budget,
): Promise<Buffer | undefined> {
  return naming(tree, path, async () => {
    const found = await walk(tree, path, budget, true);
    if (found === undefined) return undefined;
    try {
      return await readContent(found.node, maxBytes, budget, () => inTree(tree, path));
    } finally {
      await found.node.close();
    }
  });
}

/**
 * The entries of the directory at `path`, links followed, in the order stored; undefined when there is none.
 * The tree's reader charges the budget for them.
 *
 * @throws PortableError as resolve; InvalidArgs when it is not a directory
 */
export function listDirectory(
  tree: FileTree,
  path: string | Buffer,
  budget: Budget,
): Promise<DirectoryEntry[] | undefined> {
  return naming(tree, path, async () => {
    const found = await walk(tree, path, budget, true);
    if (found === undefined) return undefined;
    try {
      expectKind(found.node, 'directory', () => inTree(tree, path));
      const entries: DirectoryEntry[] = [];
      for await (const entry of found.node.entries()) entries.push(entry);
      return entries;
    } finally {
      await found.node.close();
    }
  });
}

/**
 * The whole content of a regular file.
 *
 * @param maxBytes a longer file is refused
 * @param label what error messages call the file: see inTree; asked only for those
 * @throws PortableError InvalidArgs when it is not a regular file, LimitsExceeded when it is too long
 */
export async function readContent(
  node: TreeNode,
  maxBytes: number,
  budget: Budget,
  label: () => string,
): Promise<Buffer> {
  expectKind(node, 'file', label);
  const tooLong = (): PortableError => budget.exceeded(`${label()} is longer than ${maxBytes} bytes`);
  if (node.stat.size > BigInt(maxBytes)) throw tooLong();
  // A file of the host may have grown since its inode was opened: ask for one byte more than there should be
  const content = await node.read(0n, Math.min(Number(node.stat.size), maxBytes) + 1);
  if (content.length <= Number(node.stat.size)) return content;
  const rest = await node.read(BigInt(content.length), maxBytes + 1 - content.length);
  if (content.length + rest.length > maxBytes) throw tooLong();
  return Buffer.concat([content, rest]);
}

/** "'/etc/os-release' in 'foo.raw'", as error messages name a file of an image. */
export function inTree(tree: Pick<FileTree, 'name'>, path: string | Buffer): string {
  return `'${escapeControl(path.toString())}' in ${quoted(tree.name)}`;
}

const kindWords: Readonly<Record<NodeKind, string>> = {
  file: 'a regular file',
  directory: 'a directory',
  symlink: 'a symbolic link',
  fifo: 'a FIFO',
  socket: 'a socket',
  character: 'a character device',
  block: 'a block device',
};

/** @throws PortableError InvalidArgs "… is a FIFO, not a regular file"; a directory in a file's place is EISDIR */
function expectKind(node: TreeNode, kind: NodeKind, label: () => string): void {
  const found = node.stat.kind;
  if (found === kind) return;
  throw new PortableError('InvalidArgs', `${label()} is ${kindWords[found]}, not ${kindWords[kind]}`, {
    dbusName: found === 'directory' ? 'System.Error.EISDIR' : undefined,
  });
}

/** Puts the path in front of a reader's error, which knows only the image and the place in it. */
async function naming<T>(tree: FileTree, path: string | Buffer, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const label = inTree(tree, path);
    if (!(error instanceof PortableError) || error.code === 'LimitsExceeded') throw error;
    if (error.message.includes(label)) throw error;
    throw new PortableError(error.code, `cannot read ${label}: ${error.message}`, {
      file: tree.name,
      hint: error.hint,
      cause: error,
      dbusName: error.dbusName,
    });
  }
}

async function walk(
  tree: FileTree,
  path: string | Buffer,
  budget: Budget,
  follow: boolean,
): Promise<Resolved | undefined> {
  const label = (): string => inTree(tree, path);
  const trail = await Trail.start(tree);
  let found: Resolved | undefined;
  try {
    found = await followPath(trail, Buffer.from(path), budget, follow, label);
    return found;
  } finally {
    await trail.close(found?.node);
  }
}

async function followPath(
  trail: Trail,
  path: Buffer,
  budget: Budget,
  follow: boolean,
  label: () => string,
): Promise<Resolved | undefined> {
  // What is still to be walked, the next component last
  const pending = components(path).reverse();
  let hops = 0;
  for (;;) {
    budget.checkTime();
    if (trail.depth + pending.length > budget.limits.pathDepth) {
      throw budget.exceeded(`${label()} leads through more than ${budget.limits.pathDepth} components`);
    }
    const name = pending.pop();
    if (name === undefined) return { node: trail.here, path: trail.path() };
    if (name.equals(dot)) continue;
    if (name.equals(dotDot)) {
      await trail.leave();
      continue;
    }
    const node = await trail.here.lookup(name);
    if (node === undefined) return undefined;
    const isLast = pending.length === 0;
    if (node.stat.kind === 'directory') {
      trail.enter(name, node);
    } else if (node.stat.kind === 'symlink' && (follow || !isLast)) {
      const target = await readTarget(node);
      if (target.length === 0) return undefined;
      if (++hops > budget.limits.symlinkHops) throw tooManyLinks(label(), budget.limits.symlinkHops);
      if (target[0] === slash) await trail.restart();
      pending.push(...components(target).reverse());
    } else if (isLast) {
      return { node, path: trail.path(name) };
    } else {
      await node.close();
      throw notDirectory(label(), trail.path(name), node.stat.kind);
    }
  }
}

const slash = '/'.charCodeAt(0);
const dot = Buffer.from('.');
const dotDot = Buffer.from('..');

/** The names between slashes. A slash at the end asks for a directory, as if '.' followed. */
function components(path: Buffer): Buffer[] {
  const names: Buffer[] = [];
  let start = 0;
  for (let at = 0; at <= path.length; at++) {
    if (at < path.length && path[at] !== slash) continue;
    if (at > start) names.push(path.subarray(start, at));
    start = at + 1;
  }
  if (names.length > 0 && path.at(-1) === slash) names.push(dot);
  return names;
}

async function readTarget(link: TreeNode): Promise<Buffer> {
  try {
    return await link.readlink();
  } finally {
    await link.close();
  }
}

function notDirectory(label: string, path: Buffer, kind: NodeKind): PortableError {
  const where = `'${escapeControl(path.toString())}'`;
  return new PortableError(
    'InvalidArgs',
    `cannot open ${label}: ${where} is ${kindWords[kind]}, not a directory`,
  );
}

function tooManyLinks(label: string, limit: number): PortableError {
  return new PortableError('Loop', `cannot open ${label}: more than ${limit} symbolic links on the way`, {
    hint: 'the links probably lead in a circle',
  });
}
