/** One inode of a directory tree: a descriptor that was opened without following a link, and what it is. */
import { closeSync, fstatSync, lstatSync, readSync, readlinkSync } from 'node:fs';
import { PortableError, errnoOf, fileError, quoted } from '../../base/errors.ts';
import type { Budget } from '../budget.ts';
import type { ReadXattrs } from '../host-xattrs.ts';
import { kindOf, nodeStat, openInode, pathAt, reopenForReading } from '../inode.ts';
import type { DirectoryEntry, NodeKind, NodeStat, TreeNode } from '../tree.ts';
import { readEntries } from './entries.ts';
import type { Pace } from './pace.ts';

/** What all nodes of one tree share. */
export interface Shared {
  readonly budget: Budget;
  readonly pace: Pace;
  readonly readXattrs: ReadXattrs;
  /** The nodes that hold descriptors, to be closed with the tree. */
  readonly open: Set<HostNode>;
}

/** Bytes of one read(2): it blocks the event loop, so it must be short. */
const readChunk = 256 * 1024;

/** How often an entry may change between two looks before we give up on it. */
const maxRaces = 16;

/** A node of a directory of the host. */
export class HostNode implements TreeNode {
  readonly stat: NodeStat;
  readonly #fd: number;
  /** The host's path, for error messages only: it may lead elsewhere by now. */
  readonly #label: string;
  readonly #shared: Shared;
  readonly #target: Buffer | undefined;
  #data: number | undefined;
  #closed = false;

  /** Takes over `fd`. */
  constructor(fd: number, stat: NodeStat, label: string, shared: Shared, target?: Buffer) {
    this.#fd = fd;
    this.stat = stat;
    this.#label = label;
    this.#shared = shared;
    this.#target = target;
    shared.open.add(this);
  }

  async lookup(name: Buffer): Promise<HostNode | undefined> {
    this.#expect('directory');
    await this.#shared.pace.giveWay();
    this.#shared.budget.checkTime();
    if (!isEntryName(name)) return undefined;
    const label = `${this.#label}/${name.toString()}`;
    try {
      for (let races = 0; races < maxRaces; races++) {
        const found = this.#openEntry(name, label);
        if (found !== 'changed') return found;
      }
    } catch (error) {
      throw fileError(error, 'open', label);
    }
    throw new PortableError('Stale', `${quoted(label)} keeps changing while it is being read`, {
      file: label,
    });
  }

  async *entries(): AsyncGenerator<DirectoryEntry> {
    this.#expect('directory');
    try {
      for (const entry of readEntries(this.#fd)) {
        this.#shared.budget.charge('directoryEntries');
        await this.#shared.pace.giveWay();
        yield entry;
      }
    } catch (error) {
      throw fileError(error, 'list directory', this.#label);
    }
  }

  readlink(): Promise<Buffer> {
    this.#expect('symlink');
    return Promise.resolve(Buffer.from(this.#target ?? ''));
  }

  async read(offset: bigint, length: number): Promise<Buffer> {
    this.#expect('file');
    const buffer = Buffer.alloc(length);
    let filled = 0;
    try {
      this.#data ??= reopenForReading(this.#fd);
      while (filled < length) {
        await this.#shared.pace.giveWay();
        this.#shared.budget.checkTime();
        this.#expect('file');
        const wanted = Math.min(readChunk, length - filled);
        const got = readSync(this.#data, buffer, filled, wanted, offset + BigInt(filled));
        filled += got;
        // less than wanted may be all there is for now, but not where the file ends
        const end = offset + BigInt(filled) >= this.stat.size;
        if (got === 0 || (got < wanted && end)) break;
      }
    } catch (error) {
      throw fileError(error, 'read', this.#label);
    }
    return buffer.subarray(0, filled);
  }

  xattrs(): Promise<ReadonlyMap<string, Buffer>> {
    this.#expect(this.stat.kind);
    return this.#shared.readXattrs(this.#fd, this.#label);
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#shared.open.delete(this);
      closeSync(this.#fd);
      if (this.#data !== undefined) closeSync(this.#data);
    }
    return Promise.resolve();
  }

  #openEntry(name: Buffer, label: string): HostNode | undefined | 'changed' {
    const path = pathAt(this.#fd, name);
    let fd: number;
    try {
      // most of what is asked for is not there, and asking first is cheaper than an error
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
      fd = openInode(path);
    } catch (error) {
      // some file systems have shorter names than others
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENAMETOOLONG') return undefined;
      throw error;
    }
    try {
      const stat = fstatSync(fd, { bigint: true });
      const kind = kindOf(stat);
      if (kind !== 'symlink') return new HostNode(fd, nodeStat(stat, kind), label, this.#shared);
      const target = this.#targetOf(path, stat);
      if (target !== undefined) {
        const size = BigInt(target.length);
        return new HostNode(fd, { ...nodeStat(stat, kind), size }, label, this.#shared, target);
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
    return 'changed';
  }

  /**
   * The target of the symlink at `path`, or undefined when the entry is not the inode of `stat` any more.
   *
   * Node has no readlinkat(2) with an empty path, which would read the target from the descriptor, so this reads
   * it by name and looks whether the name still means the same inode. A target never changes during the life of
   * its inode. Whoever swaps the entry twice in between can make us take another link's target for this one's;
   * that gains nothing: who can do that chooses the target anyway, and targets are resolved inside the tree.
   */
  #targetOf(path: Buffer, stat: { readonly dev: bigint; readonly ino: bigint }): Buffer | undefined {
    try {
      const target = readlinkSync(path, 'buffer');
      const now = lstatSync(path, { bigint: true });
      return now.dev === stat.dev && now.ino === stat.ino ? target : undefined;
    } catch (error) {
      // gone, or no longer a symlink
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return undefined;
      throw error;
    }
  }

  #expect(kind: NodeKind): void {
    if (this.#closed) throw new Error(`${quoted(this.#label)} is used after it was closed`);
    if (this.stat.kind !== kind) {
      throw new PortableError('InvalidArgs', `${quoted(this.#label)} is a ${this.stat.kind}, not a ${kind}`, {
        file: this.#label,
      });
    }
  }
}

const dot = Buffer.from('.');
const dotDot = Buffer.from('..');

/** Whether a directory can have such an entry at all; '..' must never reach the kernel. */
function isEntryName(name: Buffer): boolean {
  if (name.length === 0 || name.length > 255 || name.includes(0) || name.includes('/')) return false;
  return !name.equals(dot) && !name.equals(dotDot);
}
