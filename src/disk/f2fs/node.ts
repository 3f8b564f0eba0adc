/** One inode of an f2fs as a node of the tree. */
import { PortableError } from '../../base/errors.ts';
import type { DirectoryEntry, NodeKind, NodeStat, TreeNode } from '../tree.ts';
import type { Clusters } from './clusters.ts';
import { readContent } from './content.ts';
import { findName, listNames } from './directory.ts';
import { type Inode, inodeStat, readInode } from './inode.ts';
import type { Nodes } from './nodes.ts';
import { readXattrs } from './xattrs.ts';

/** Bytes of a symlink's target: PATH_MAX of linux/limits.h, its zero byte left out. */
const maxTarget = 4095;

export class F2fsNode implements TreeNode {
  readonly stat: NodeStat;
  readonly #nodes: Nodes;
  readonly #clusters: Clusters;
  readonly #inode: Inode;

  constructor(nodes: Nodes, clusters: Clusters, inode: Inode) {
    this.#nodes = nodes;
    this.#clusters = clusters;
    this.#inode = inode;
    this.stat = inodeStat(inode);
  }

  async lookup(name: Buffer): Promise<F2fsNode | undefined> {
    this.#expect('directory');
    const number = await findName(this.#nodes, this.#inode, name);
    if (number === undefined) return undefined;
    return new F2fsNode(this.#nodes, this.#clusters, await this.#linked(number));
  }

  async *entries(): AsyncGenerator<DirectoryEntry> {
    this.#expect('directory');
    for await (const { name, kind, inode } of listNames(this.#nodes, this.#inode)) {
      yield { name: Buffer.from(name), kind: kind ?? (await this.#linked(inode)).kind };
    }
  }

  async readlink(): Promise<Buffer> {
    this.#expect('symlink');
    const { size, number } = this.#inode;
    const { volume } = this.#nodes;
    if (size === 0n || size > BigInt(maxTarget)) {
      throw volume.corrupt(
        `the symlink with inode ${number} has a target of ${size} bytes, expected 1 to ${maxTarget}`,
      );
    }
    const target = await readContent(this.#nodes, this.#clusters, this.#inode, 0n, maxTarget);
    if (target.includes(0)) {
      throw volume.corrupt(`the target of the symlink with inode ${number} has a zero byte in it`);
    }
    return target;
  }

  async read(offset: bigint, length: number): Promise<Buffer> {
    this.#expect('file');
    return readContent(this.#nodes, this.#clusters, this.#inode, offset, length);
  }

  xattrs(): Promise<ReadonlyMap<string, Buffer>> {
    return readXattrs(this.#nodes, this.#inode);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The inode that an entry of this directory is for: not one that is deleted. */
  async #linked(number: number): Promise<Inode> {
    const inode = await readInode(this.#nodes, number);
    if (inode.links > 0) return inode;
    throw this.#nodes.volume.corrupt(
      `directory inode ${this.#inode.number} has an entry for inode ${number}, which is deleted`,
    );
  }

  #expect(kind: NodeKind): void {
    if (this.stat.kind === kind) return;
    const { name } = this.#nodes.volume;
    throw new PortableError(
      'InvalidArgs',
      `inode ${this.#inode.number} of '${name}' is a ${this.stat.kind}, not a ${kind}`,
      { file: name },
    );
  }
}
