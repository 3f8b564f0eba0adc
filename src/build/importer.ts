/** Brings files into the tree: from the source root with the symlinks that lead to them, and from this machine. */
import { closeSync, constants, lstatSync, openSync, readlinkSync, type Stats } from 'node:fs';
import path from 'node:path';

import { fileError, PortableError, quoted } from '../base/errors.ts';
import { isWithin } from '../base/logical-path.ts';
import { diskContent } from './content.ts';
import type { ContentRequest } from './description.ts';
import { listLocal, statLocal, type FoundSource, type SourceRoot } from './source-root.ts';
import type { StagingTree } from './tree.ts';

/** Where a file of the image comes from. */
interface Origin {
  /** On this machine. */
  readonly file: string;
  readonly stat: Stats;
  /** In the source root; undefined for files of this machine. */
  readonly inside: string | undefined;
}

/** How files are taken. */
interface CopyOptions {
  /** They replace what is there; otherwise it stays. */
  readonly replace: boolean;
  /** What is left out besides what was excluded, by its path in the image. */
  readonly skipped: (inImage: string) => boolean;
}

const asked: CopyOptions = { replace: true, skipped: () => false };
const needed: CopyOptions = { replace: false, skipped: () => false };

export class Importer {
  readonly tree: StagingTree;
  readonly source: SourceRoot;
  /** What is odd, but no reason to fail. */
  readonly warnings: string[] = [];
  /** The files that listings of packages named, by their paths in the image. */
  readonly listed = new Set<string>();
  readonly #excluded: readonly string[];
  readonly #signal: AbortSignal;

  constructor(tree: StagingTree, source: SourceRoot, excluded: readonly string[], signal: AbortSignal) {
    this.tree = tree;
    this.source = source;
    this.#excluded = excluded.map((each) => each.replace(/(?<=.)\/+$/, ''));
    this.#signal = signal;
  }

  isExcluded(inImage: string): boolean {
    return this.#excluded.some((each) => isWithin(inImage, each));
  }

  /**
   * The contents that were asked for: a file, or a directory with everything below it. They replace what is there.
   * @throws PortableError FileNotFound; InvalidArgs for devices, pipes and sockets; AccessDenied; Loop
   */
  content({ source, local, destination }: ContentRequest): void {
    if (local) {
      this.#copy({ file: source, stat: statLocal(source), inside: undefined }, destination, asked);
      return;
    }
    const found = this.source.find(source);
    if (found === undefined) throw this.#missing(source);
    if (destination === source) this.#links(found);
    this.#copyFound(found, destination === source ? found.path : destination, asked);
  }

  /**
   * The file, or just the directory, at a path of the source root, unless the image has something there.
   * @returns the path it really has in the image; undefined when there is nothing, or it was excluded
   */
  bring(inside: string): string | undefined {
    const there = this.tree.find(inside);
    if (there !== undefined) return there.path;
    const found = this.source.find(inside);
    if (found === undefined || this.isExcluded(inside) || this.isExcluded(found.path)) return undefined;
    this.#links(found);
    if (found.stat.isDirectory()) this.tree.directory(found.path, directoryMode(found.stat));
    else if (this.tree.find(found.path) === undefined) this.#copyFound(found, found.path, needed);
    return this.tree.find(inside)?.path;
  }

  /** One entry of a listing (a package's): a directory itself, a file, or a symlink with the file it leads to. */
  entry(inside: string): void {
    const found = this.source.find(inside, false);
    if (found === undefined || this.isExcluded(inside)) return;
    this.#links(found);
    if (found.stat.isDirectory()) this.tree.directory(found.path, directoryMode(found.stat));
    else {
      this.#copyFound(found, found.path, needed);
      const { path: at } = this.tree.look(found.path) ?? found;
      this.listed.add(at);
    }
  }

  /**
   * A file or directory with everything in it, as content, but only if it exists.
   * @param skipped what is left out besides what was excluded, by its path in the image
   * @returns whether it does
   */
  bringAll(inside: string, skipped: CopyOptions['skipped'] = () => false): boolean {
    const found = this.source.find(inside);
    if (found === undefined || this.isExcluded(inside)) return false;
    this.#links(found);
    this.#copyFound(found, found.path, { replace: false, skipped });
    return true;
  }

  /** The symlinks on the way to something, where the image has nothing of that name. */
  #links({ links }: FoundSource): void {
    for (const { path: link, target } of links) {
      if (this.tree.look(link) === undefined) this.tree.put(link, { kind: 'symlink', target });
    }
  }

  #copyFound(found: FoundSource, destination: string, options: CopyOptions): void {
    const { path: inside, stat } = found;
    this.#copy({ file: this.source.onDisk(inside), stat, inside }, destination, options);
  }

  #copy(origin: Origin, destination: string, options: CopyOptions): void {
    this.#signal.throwIfAborted();
    if (this.isExcluded(destination) || options.skipped(destination)) return;
    const { file, stat } = origin;
    if (stat.isDirectory()) this.#copyDirectory(origin, destination, options);
    else if (!options.replace && this.tree.look(destination) !== undefined) return;
    else if (stat.isSymbolicLink()) this.#copySymlink(origin, destination);
    else if (stat.isFile()) {
      checkReadable(file);
      this.tree.put(destination, {
        kind: 'file',
        mode: stat.mode & 0o755,
        content: diskContent(file, stat.size),
      });
    } else throw special(file, stat);
  }

  #copyDirectory({ file, stat, inside }: Origin, destination: string, options: CopyOptions): void {
    this.tree.directory(destination, directoryMode(stat));
    for (const name of listLocal(file)) {
      const entry = path.join(file, name);
      const child = inside === undefined ? undefined : path.posix.join(inside, name);
      const origin = { file: entry, stat: statEntry(entry), inside: child };
      this.#copy(origin, path.posix.join(destination, name), options);
    }
  }

  /** As it is; a file of the source root that it leads to comes along. */
  #copySymlink({ file, inside }: Origin, destination: string): void {
    this.tree.put(destination, { kind: 'symlink', target: readTarget(file) });
    if (inside === undefined || inside !== destination) return;
    const target = this.source.find(inside);
    if (target?.stat.isFile() === true) this.bring(inside);
  }

  #missing(inside: string): PortableError {
    const file = this.source.onDisk(inside);
    // a symlink that leads nowhere is the likelier mistake to make
    const link = this.source.find(inside, false)?.stat.isSymbolicLink() === true;
    const what = link ? 'is a symlink that leads nowhere' : 'does not exist';
    return new PortableError('FileNotFound', `${quoted(file)} ${what}`, { file });
  }
}

/** Whoever may write to a directory of everyone may remove only what is theirs, or it is not for everyone. */
function directoryMode({ mode }: Stats): number {
  return (mode & 0o1000) === 0 ? mode & 0o755 : mode & 0o1777;
}

/** Now, and not when half the image is written. */
function checkReadable(file: string): void {
  try {
    closeSync(openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW));
  } catch (error) {
    throw fileError(error, 'read', file);
  }
}

function statEntry(file: string): Stats {
  try {
    return lstatSync(file);
  } catch (error) {
    throw fileError(error, 'look at', file);
  }
}

function readTarget(file: string): string {
  try {
    return readlinkSync(file);
  } catch (error) {
    throw fileError(error, 'read', file);
  }
}

function special(file: string, stat: Stats): PortableError {
  const kind = stat.isSocket() ? 'socket' : stat.isFIFO() ? 'pipe' : 'device';
  return new PortableError('InvalidArgs', `${quoted(file)} is a ${kind}, which no image can carry`, {
    file,
    hint: 'leave it out with --exclude',
  });
}
