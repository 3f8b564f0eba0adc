/**
 * The tree that layers are put on top of each other in, with what one layer may do to those below it: OCI Image Format
 * Specification, layer.md, section "Applying Changesets". Links are followed inside the tree only.
 */
import type { Owner, StagedDirectory, StagedNode, StagingTree } from '../tree.ts';
import { maxDepth } from './entry-path.ts';
import type { LayerEntry } from './entry-path.ts';

type Entries = StagedDirectory['entries'];

/** As many as the kernel follows in one look-up: path_resolution(7). */
const maxLinks = 40;

/** Components looked at in one look-up, those of links included. */
const maxSteps = 1024;

/** Attributes of a directory. */
export interface DirectoryAttributes {
  readonly mode: number;
  readonly owner: Owner;
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

export class LayerTree {
  readonly #root: StagedDirectory;
  /** What the layer under way has put into each directory: whiteouts of the same layer leave that alone. */
  #added = new Map<Entries, Set<string>>();
  /** Directories that the layer under way has freed from what lower layers had there. */
  #cleared = new Set<Entries>();

  constructor(tree: StagingTree) {
    this.#root = tree.root;
  }

  /** What is put from now on belongs to the next layer. */
  nextLayer(): void {
    this.#added = new Map();
    this.#cleared = new Set();
  }

  /** Puts a file or link in place of whatever is there. @param names of its path; at least one */
  put(names: readonly string[], node: StagedNode, entry: LayerEntry): void {
    const { entries, name } = this.#place(names, entry);
    entries.set(name, node);
    this.#note(entries, name);
  }

  /** Makes a directory, in place of anything else; of one that is there, it changes the attributes. */
  directory(names: readonly string[], attributes: DirectoryAttributes, entry: LayerEntry): void {
    const { entries, name } = this.#place(names, entry);
    const there = entries.get(name);
    const content: Entries = there?.kind === 'directory' ? there.entries : new Map<string, StagedNode>();
    entries.set(name, { kind: 'directory', ...attributes, entries: content });
    this.#note(entries, name);
  }

  /** What is at a path, the last component not followed; undefined when there is nothing. */
  look(names: readonly string[], entry: LayerEntry): StagedNode | undefined {
    const name = names.at(-1);
    const parent = this.#walk(names.slice(0, -1), entry, false);
    return name === undefined ? parent : parent?.entries.get(name);
  }

  /** Takes away what lower layers have at a path; what this layer has put there stays. */
  whiteOut(names: readonly string[], entry: LayerEntry): void {
    const name = names.at(-1) ?? '';
    const parent = this.#walk(names.slice(0, -1), entry, false);
    if (parent !== undefined) this.#removeLower(parent.entries, name);
  }

  /** Takes away what lower layers have in a directory. */
  makeOpaque(names: readonly string[], entry: LayerEntry): void {
    const directory = this.#walk(names, entry, false);
    if (directory !== undefined) this.#clear(directory.entries);
  }

  #removeLower(entries: Entries, name: string): void {
    const node = entries.get(name);
    const own = this.#added.get(entries)?.has(name) === true;
    if (node?.kind === 'directory') {
      this.#clear(node.entries);
      if (own || node.entries.size > 0) return;
    }
    if (!own) entries.delete(name);
  }

  #clear(entries: Entries): void {
    if (this.#cleared.has(entries)) return;
    this.#cleared.add(entries);
    for (const name of [...entries.keys()]) this.#removeLower(entries, name);
  }

  #note(entries: Entries, name: string): void {
    const names = this.#added.get(entries);
    if (names === undefined) this.#added.set(entries, new Set([name]));
    else names.add(name);
  }

  /** The directory of a path's last component; those missing are made, with mode 0755. */
  #place(names: readonly string[], entry: LayerEntry): { entries: Entries; name: string } {
    const parent = this.#walk(names.slice(0, -1), entry, true);
    const name = names.at(-1);
    if (parent === undefined || name === undefined) throw entry.refused('has no place in the image');
    return { entries: parent.entries, name };
  }

  /** The directory at a path, links followed. */
  #walk(names: readonly string[], entry: LayerEntry, make: boolean): StagedDirectory | undefined {
    const pending = [...names].reverse();
    let trail: StagedDirectory[] = [];
    let links = 0;
    let steps = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (++steps > maxSteps || links > maxLinks) throw entry.refused('is behind too many symbolic links');
      if (name === '..') {
        if (trail.pop() === undefined)
          throw entry.refused('is behind a symbolic link that leads out of the image');
        continue;
      }
      const { entries } = trail.at(-1) ?? this.#root;
      let node = entries.get(name);
      if (node === undefined) {
        if (!make) return undefined;
        node = { kind: 'directory', mode: 0o755, entries: new Map() };
        entries.set(name, node);
        this.#note(entries, name);
      }
      if (node.kind === 'symlink') {
        links++;
        if (node.target.startsWith('/')) trail = [];
        pending.push(
          ...node.target
            .split('/')
            .filter((part) => part !== '' && part !== '.')
            .reverse(),
        );
      } else if (node.kind === 'directory') {
        if (trail.push(node) > maxDepth) throw entry.refused('is too deep in the image');
      } else {
        throw entry.refused(`is below ${name}, which is a file`);
      }
    }
    return trail.at(-1) ?? this.#root;
  }
}
