/** One inode of an xfs as a node of the tree. */
import { PortableError } from '../../base/errors.ts';
import type { DirectoryEntry, NodeKind, NodeStat, TreeNode } from '../tree.ts';
import { readContent } from './content.ts';
import { findName, listNames } from './directory.ts';
import { type Inode, inodeStat, readInode } from './inode.ts';
import { readTarget } from './symlink.ts';
import type { Volume } from './volume.ts';
import { readXattrs } from './xattrs.ts';

export class XfsNode implements TreeNode {
  readonly stat: NodeStat;
  readonly #volume: Volume;
  readonly #inode: Inode;

  constructor(volume: Volume, inode: Inode) {
    this.#volume = volume;
    this.#inode = inode;
    this.stat = inodeStat(inode);
  }

  async lookup(name: Buffer): Promise<XfsNode | undefined> {
    this.#expect('directory');
    const number = await findName(this.#volume, this.#inode, name);
    return number === undefined ? undefined : new XfsNode(this.#volume, await this.#linked(number));
  }

  async *entries(): AsyncGenerator<DirectoryEntry> {
    this.#expect('directory');
    for await (const { inode, name, kind } of listNames(this.#volume, this.#inode)) {
      yield { name, kind: kind ?? (await this.#linked(inode)).kind };
    }
  }

  async readlink(): Promise<Buffer> {
    this.#expect('symlink');
    return readTarget(this.#volume, this.#inode);
  }

  async read(offset: bigint, length: number): Promise<Buffer> {
    this.#expect('file');
    return readContent(this.#volume, this.#inode, offset, length);
  }

  xattrs(): Promise<ReadonlyMap<string, Buffer>> {
    return readXattrs(this.#volume, this.#inode);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The inode that an entry of this directory is for: not one that is deleted, or none of the users' business. */
  async #linked(number: bigint): Promise<Inode> {
    const inode = await readInode(this.#volume, number);
    const where = `directory inode ${this.#inode.number} has an entry for inode ${number}`;
    if (inode.isInternal) throw this.#volume.corrupt(`${where}, which is one of the file system's own`);
    if (inode.links === 0) throw this.#volume.corrupt(`${where}, which is deleted`);
    return inode;
  }

  #expect(kind: NodeKind): void {
    if (this.stat.kind === kind) return;
    throw new PortableError(
      'InvalidArgs',
      `inode ${this.#inode.number} of '${this.#volume.name}' is a ${this.stat.kind}, not a ${kind}`,
      { file: this.#volume.name },
    );
  }
}
