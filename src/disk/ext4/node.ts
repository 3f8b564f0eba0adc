/** One inode of an ext file system as a node of the tree. */
import { PortableError } from '../../base/errors.ts';
import type { DirectoryEntry, NodeKind, NodeStat, TreeNode } from '../tree.ts';
import { readContent } from './content.ts';
import { findName, listNames } from './directory.ts';
import { type Inode, hasFlag, inodeStat, readInode, rootInode } from './inode.ts';
import { readTarget } from './symlink.ts';
import type { Volume } from './volume.ts';
import { readXattrs } from './xattrs.ts';

export class ExtNode implements TreeNode {
  readonly stat: NodeStat;
  readonly #volume: Volume;
  readonly #inode: Inode;

  constructor(volume: Volume, inode: Inode) {
    this.#volume = volume;
    this.#inode = inode;
    this.stat = inodeStat(inode);
  }

  async lookup(name: Buffer): Promise<ExtNode | undefined> {
    this.#expect('directory');
    const number = await findName(this.#volume, this.#inode, name);
    return number === undefined ? undefined : new ExtNode(this.#volume, await this.#linked(number));
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
  async #linked(number: number): Promise<Inode> {
    const where = `directory inode ${this.#inode.number} has an entry for inode ${number}`;
    if (number < this.#volume.superblock.firstInode && number !== rootInode) {
      throw this.#volume.corrupt(`${where}, which is reserved`);
    }
    const inode = await readInode(this.#volume, number);
    if (hasFlag(inode, 'xattrValue')) throw this.#volume.corrupt(`${where}, which holds an attribute value`);
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
