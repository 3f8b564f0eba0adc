/** The nodes of file systems whose directories name inodes by number: what they have in common. */
import { PortableError, quoted } from '../base/errors.ts';
import type { DirectoryEntry, NodeKind, NodeStat, TreeNode } from './tree.ts';

/** An entry of a directory. */
export interface NamedInode<Id> {
  readonly name: Buffer;
  readonly inode: Id;
  /** Undefined where the entry does not say. */
  readonly kind?: NodeKind | undefined;
}

/** What the reader of a file system does with inodes. All of it throws PortableErrors. */
export interface InodeReader<Inode, Id> {
  /** What error messages call the image. */
  readonly image: string;
  stat(inode: Inode): NodeStat;
  find(directory: Inode, name: Buffer): Promise<Id | undefined>;
  list(directory: Inode): AsyncIterable<NamedInode<Id>>;
  /** The inode that an entry of a directory is for, if such an entry may be for it. */
  follow(directory: Inode, id: Id): Promise<Inode>;
  target(symlink: Inode): Promise<Buffer>;
  content(file: Inode, offset: bigint, length: number): Promise<Buffer>;
  xattrs(inode: Inode): Promise<ReadonlyMap<string, Buffer>>;
}

/** An inode as a node of the tree. */
export class InodeNode<Inode, Id> implements TreeNode {
  readonly stat: NodeStat;
  readonly #reader: InodeReader<Inode, Id>;
  readonly #inode: Inode;

  constructor(reader: InodeReader<Inode, Id>, inode: Inode) {
    this.#reader = reader;
    this.#inode = inode;
    this.stat = reader.stat(inode);
  }

  async lookup(name: Buffer): Promise<InodeNode<Inode, Id> | undefined> {
    this.#expect('directory');
    const id = await this.#reader.find(this.#inode, name);
    if (id === undefined) return undefined;
    return new InodeNode(this.#reader, await this.#reader.follow(this.#inode, id));
  }

  async *entries(): AsyncGenerator<DirectoryEntry> {
    this.#expect('directory');
    for await (const { name, inode, kind } of this.#reader.list(this.#inode)) {
      yield { name, kind: kind ?? this.#reader.stat(await this.#reader.follow(this.#inode, inode)).kind };
    }
  }

  async readlink(): Promise<Buffer> {
    this.#expect('symlink');
    return this.#reader.target(this.#inode);
  }

  async read(offset: bigint, length: number): Promise<Buffer> {
    this.#expect('file');
    return this.#reader.content(this.#inode, offset, length);
  }

  xattrs(): Promise<ReadonlyMap<string, Buffer>> {
    return this.#reader.xattrs(this.#inode);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #expect(kind: NodeKind): void {
    if (this.stat.kind !== kind) throw wrongKind(this.#reader.image, this.stat, kind);
  }
}

/** The error for what only inodes of another kind have. @param image what error messages call it */
export function wrongKind(image: string, { inode, kind }: NodeStat, wanted: NodeKind): PortableError {
  return new PortableError(
    'InvalidArgs',
    `inode ${inode} of ${quoted(image)} is a ${kind}, not a ${wanted}`,
    {
      file: image,
    },
  );
}
