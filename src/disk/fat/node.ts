/** One file or directory of a FAT file system as a node of the tree. */
import type { PortableError } from '../../base/errors.ts';
import { wrongKind } from '../inode-node.ts';
import type { DirectoryEntry, NodeKind, NodeStat, TreeNode } from '../tree.ts';
import { ClusterChain } from './chain.ts';
import { readContent } from './content.ts';
import { type Entry, entriesOf, ownerName } from './directory.ts';
import { Listings } from './listings.ts';
import type { Volume } from './volume.ts';

/** What the root is for the kernel, which has no entry. */
const rootInode = 1n;

/**
 * Permissions: no file has any, so all get those that the umask of systemd (022) leaves; of files that are marked as
 * read-only, nobody may write. mount(8), "Mount options for fat": umask, rodir.
 */
const usualMode = 0o755;
const readOnlyMode = 0o555;

/** The root directory. */
export function rootNode(volume: Volume): Promise<FatNode> {
  return makeNode({ volume, listings: new Listings(volume) }, undefined);
}

/** What the nodes of one file system share. */
interface Shared {
  readonly volume: Volume;
  readonly listings: Listings;
}

/** @param entry undefined: the root */
async function makeNode(shared: Shared, entry: Entry | undefined): Promise<FatNode> {
  const isDirectory = entry?.isDirectory ?? true;
  return new FatNode(shared, entry, {
    kind: isDirectory ? 'directory' : 'file',
    mode: entry?.isReadOnly === true && !isDirectory ? readOnlyMode : usualMode,
    uid: 0,
    gid: 0,
    size: BigInt(entry?.size ?? 0),
    inode: entry?.position ?? rootInode,
    // counted as elsewhere: by its name, by '.', and by the '..' of each directory in it
    links: isDirectory ? 2 + (await shared.listings.countDirectories(entry)) : 1,
    mtime: entry?.mtime ?? 0n,
  });
}

export class FatNode implements TreeNode {
  readonly stat: NodeStat;
  readonly #shared: Shared;
  readonly #entry: Entry | undefined;
  #chain: ClusterChain | undefined;

  constructor(shared: Shared, entry: Entry | undefined, stat: NodeStat) {
    this.#shared = shared;
    this.#entry = entry;
    this.stat = stat;
  }

  async lookup(name: Buffer): Promise<FatNode | undefined> {
    this.#expect('directory');
    const entry = await this.#shared.listings.find(this.#entry, name);
    return entry === undefined ? undefined : makeNode(this.#shared, entry);
  }

  async *entries(): AsyncGenerator<DirectoryEntry> {
    this.#expect('directory');
    const { volume } = this.#shared;
    for await (const { name, isDirectory } of entriesOf(volume, this.#entry)) {
      volume.budget.charge('directoryEntries');
      yield { name: Buffer.from(name), kind: isDirectory ? 'directory' : 'file' };
    }
  }

  readlink(): Promise<Buffer> {
    return Promise.reject(this.#wrongKind('symlink'));
  }

  async read(offset: bigint, length: number): Promise<Buffer> {
    this.#expect('file');
    const { position, cluster, size } = this.#entry ?? { position: 0n, cluster: 0, size: 0 };
    const { volume } = this.#shared;
    const owner = ownerName(position);
    this.#chain ??= new ClusterChain(volume, owner, cluster);
    return readContent(volume, { size, chain: this.#chain, owner }, offset, length);
  }

  /** The format has none. */
  xattrs(): Promise<ReadonlyMap<string, Buffer>> {
    return Promise.resolve(new Map());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #expect(kind: NodeKind): void {
    if (this.stat.kind !== kind) throw this.#wrongKind(kind);
  }

  #wrongKind(kind: NodeKind): PortableError {
    return wrongKind(this.#shared.volume.name, this.stat, kind);
  }
}
