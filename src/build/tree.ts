/**
 * The file tree of an image that is being built, in memory: what is where, with which mode. What has no owner will be
 * root's; the bytes of files stay where they come from until a writer asks for them.
 */
import { PortableError, quoted } from '../base/errors.ts';
import type { FileContent } from './content.ts';

/** Whose a node is; only container images have others than root. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A file; the same object in two places is a hard link. */
export interface StagedFile {
  readonly kind: 'file';
  /** Permission bits. Set-user-ID and set-group-ID only where the owner is known: `put` refuses them, they would be root's. */
  readonly mode: number;
  readonly owner?: Owner;
  readonly content: FileContent;
  readonly xattrs?: ReadonlyMap<string, Buffer>;
}

export interface StagedSymlink {
  readonly kind: 'symlink';
  readonly target: string;
  readonly owner?: Owner;
}

export interface StagedDirectory {
  readonly kind: 'directory';
  mode: number;
  readonly owner?: Owner;
  readonly xattrs?: ReadonlyMap<string, Buffer>;
  readonly entries: Map<string, StagedNode>;
}

export type StagedNode = StagedFile | StagedSymlink | StagedDirectory;

export const root: Owner = { uid: 0, gid: 0 };

/** Whether something in a tree is not root's. */
export function hasOwners(tree: StagingTree): boolean {
  for (const { node } of tree.walk()) {
    const { uid, gid } = node.owner ?? root;
    if (uid !== 0 || gid !== 0) return true;
  }
  return false;
}

/** A node and the path it really has, all symlinks resolved. */
export interface FoundNode {
  readonly path: string;
  readonly node: StagedNode;
}

/** As many as the kernel follows in one look-up: path_resolution(7). */
const maxLinks = 40;

/** limits.h: NAME_MAX and PATH_MAX, bytes. */
const maxName = 255;
const maxPath = 4095;

export class StagingTree {
  readonly root: StagedDirectory = newDirectory(0o755);

  /**
   * Puts a file or symlink at an absolute path; missing directories on the way are made, symlinks on the way followed
   * inside the tree. What is there already, short of a directory, is replaced.
   * @returns the path it really has
   * @throws PortableError InvalidArgs for impossible paths, and when a directory is there, or a file in place of one
   */
  put(path: string, node: StagedFile | StagedSymlink): string {
    if (node.kind === 'file' && (node.mode & ~0o1777) !== 0) {
      throw new PortableError('InvalidArgs', `${quoted(path)} cannot have mode ${node.mode.toString(8)}`);
    }
    const { parent, name, real } = this.#place(path);
    if (parent.entries.get(name)?.kind === 'directory') {
      throw conflict(real, `a ${node.kind}`, 'a directory');
    }
    parent.entries.set(name, node);
    return real;
  }

  /**
   * Makes a directory with those missing on the way to it (mode 0755), or changes the mode of one that is there.
   * @param mode undefined: 0755 for a new one, no change otherwise
   * @throws PortableError InvalidArgs as put
   */
  directory(path: string, mode?: number): StagedDirectory {
    if (componentsOf(path).length === 0) {
      if (mode !== undefined) this.root.mode = mode;
      return this.root;
    }
    const { parent, name, real } = this.#place(path);
    const there = parent.entries.get(name);
    if (there?.kind === 'symlink') {
      const target = this.find(real)?.node;
      if (target === undefined) return this.directory(joinTarget(real, there.target), mode);
      if (target.kind !== 'directory') throw conflict(real, 'a directory', `a symlink to a ${target.kind}`);
      return target;
    }
    if (there !== undefined && there.kind !== 'directory') throw conflict(real, 'a directory', 'a file');
    const directory = there ?? newDirectory(mode ?? 0o755);
    if (there === undefined) parent.entries.set(name, directory);
    else if (mode !== undefined) directory.mode = mode;
    return directory;
  }

  /** Takes what is at a path away, directories with everything in them; the last component is not followed. */
  remove(path: string): void {
    const { parent, name } = this.#place(path);
    parent.entries.delete(name);
  }

  /** What is at a path, all symlinks followed; undefined when there is nothing. @throws PortableError Loop */
  find(path: string): FoundNode | undefined {
    return this.#walk(path, true);
  }

  /** As find, but a symlink in the last component is what is found. */
  look(path: string): FoundNode | undefined {
    return this.#walk(path, false);
  }

  /** Everything but the root, a directory before what is in it, names in the order of their bytes. */
  *walk(): Generator<FoundNode, void> {
    yield* walkBelow(this.root, '');
  }

  #walk(path: string, followLast: boolean): FoundNode | undefined {
    const pending = componentsOf(path);
    let trail: { readonly name: string; readonly node: StagedDirectory }[] = [];
    let links = 0;
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      if (name === '..') {
        trail.pop();
        continue;
      }
      const node = (trail.at(-1)?.node ?? this.root).entries.get(name);
      if (node === undefined) return undefined;
      const here = `/${[...trail.map((each) => each.name), name].join('/')}`;
      if (node.kind === 'symlink' && (followLast || pending.length > 0)) {
        if (++links > maxLinks) throw loop(path);
        if (node.target.startsWith('/')) trail = [];
        pending.unshift(...componentsOf(node.target));
      } else if (node.kind === 'directory') {
        trail.push({ name, node });
      } else {
        return pending.length === 0 ? { path: here, node } : undefined;
      }
    }
    const last = trail.at(-1);
    return { path: `/${trail.map(({ name }) => name).join('/')}`, node: last?.node ?? this.root };
  }

  /** The directory that a path's last component is in, made if it is missing, and the path with that resolved. */
  #place(path: string): { parent: StagedDirectory; name: string; real: string } {
    const names = checkedComponents(path);
    const name = names.pop() ?? '';
    let parent = this.root;
    let real = '';
    let links = 0;
    const pending = names;
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      if (next === '..') {
        real = real.slice(0, Math.max(0, real.lastIndexOf('/')));
        parent = real === '' ? this.root : this.directory(real);
        continue;
      }
      const node = parent.entries.get(next);
      if (node?.kind === 'symlink') {
        if (++links > maxLinks) throw loop(path);
        if (node.target.startsWith('/')) [parent, real] = [this.root, ''];
        pending.unshift(...componentsOf(node.target));
        continue;
      }
      if (node?.kind === 'file') throw conflict(`${real}/${next}`, 'a directory', 'a file');
      const child = node ?? newDirectory(0o755);
      if (node === undefined) parent.entries.set(next, child);
      [parent, real] = [child, `${real}/${next}`];
    }
    return { parent, name, real: `${real}/${name}` };
  }
}

function newDirectory(mode: number): StagedDirectory {
  return { kind: 'directory', mode, entries: new Map() };
}

function* walkBelow(directory: StagedDirectory, at: string): Generator<FoundNode, void> {
  const names = [...directory.entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const [name, node] of names) {
    const path = `${at}/${name}`;
    yield { path, node };
    if (node.kind === 'directory') yield* walkBelow(node, path);
  }
}

/** Where a symlink leads, as an absolute path that may have ".." and further symlinks in it. */
export function joinTarget(link: string, target: string): string {
  return target.startsWith('/') ? target : `${link.slice(0, link.lastIndexOf('/'))}/${target}`;
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function checkedComponents(path: string): string[] {
  const names = componentsOf(path);
  const bad =
    !path.startsWith('/') ||
    names.length === 0 ||
    names.at(-1) === '..' ||
    path.includes('\0') ||
    Buffer.byteLength(path) > maxPath ||
    names.some((name) => Buffer.byteLength(name) > maxName);
  if (bad) {
    throw new PortableError('InvalidArgs', `${quoted(path)} is no path for a file of an image`, {
      file: path,
      hint: 'an absolute path of at most 4095 bytes, each part at most 255',
    });
  }
  return names;
}

function loop(path: string): PortableError {
  return new PortableError('Loop', `too many levels of symbolic links at ${quoted(path)} in the image`, {
    file: path,
  });
}

function conflict(path: string, wanted: string, there: string): PortableError {
  return new PortableError('InvalidArgs', `${quoted(path)} would have to be ${wanted}, and is ${there}`, {
    file: path,
  });
}
