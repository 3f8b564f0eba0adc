/**
 * Writes EROFS images by hand, byte by byte: what mkfs.erofs never makes (corrupt structures) or cannot make here
 * (blocks larger than a page). Format: https://erofs.docs.kernel.org/en/latest/ondisk/
 */

export interface InodeFields {
  /** S_IFMT and permissions; default a file, 0644. */
  readonly mode?: number;
  readonly layout?: number;
  readonly size?: bigint | number;
  /** First block, chunk format, device number. */
  readonly detail?: number;
  readonly links?: number;
  readonly xattrWords?: number;
  /** Sets bits of i_format besides version and layout. */
  readonly format?: number;
  readonly extended?: boolean;
  /** What follows the inode: xattrs, inline data, maps. */
  readonly tail?: Uint8Array;
}

export interface DirentFields {
  readonly node: number | bigint;
  readonly name: string | Uint8Array;
  /** Default 1, a file. */
  readonly type?: number;
}

export const directoryMode = 0o040755;
export const fileMode = 0o100644;
export const symlinkMode = 0o120777;

export class ErofsBuilder {
  readonly blockSize: number;
  /** The whole image; change anything. */
  readonly bytes: Buffer;

  /** An image of `blocks` blocks whose inode slots start at block 1, or at byte 4096 where blocks are smaller. */
  constructor({ blockBits = 12, blocks = 8, root = 0 } = {}) {
    this.blockSize = 2 ** blockBits;
    this.bytes = Buffer.alloc(this.blockSize * blocks);
    this.superblock({ 0x00: 0xe0f5e1e2, 0x24: blocks, 0x28: Math.max(1, 4096 / this.blockSize) });
    this.bytes.writeUInt8(blockBits, 1024 + 0x0c);
    this.bytes.writeUInt16LE(root, 1024 + 0x0e);
  }

  /** Sets 32-bit fields of the superblock by their offsets. */
  superblock(fields: Readonly<Record<number, number>>): this {
    for (const [offset, value] of Object.entries(fields)) {
      this.bytes.writeUInt32LE(value >>> 0, 1024 + Number(offset));
    }
    return this;
  }

  /** Where an inode slot is, bytes. */
  slot(node: number): number {
    return this.bytes.readUInt32LE(1024 + 0x28) * this.blockSize + node * 32;
  }

  inode(node: number, fields: InodeFields): this {
    const { mode = fileMode, layout = 0, size = 0, detail = 0, links = 1, extended = false } = fields;
    const at = this.slot(node);
    this.bytes.writeUInt16LE((extended ? 1 : 0) | (layout << 1) | (fields.format ?? 0), at);
    this.bytes.writeUInt16LE(fields.xattrWords ?? 0, at + 2);
    this.bytes.writeUInt16LE(mode, at + 4);
    if (extended) {
      this.bytes.writeBigUInt64LE(BigInt(size), at + 8);
      this.bytes.writeUInt32LE(links, at + 0x2c);
    } else {
      this.bytes.writeUInt16LE(links, at + 6);
      this.bytes.writeUInt32LE(Number(size), at + 8);
    }
    this.bytes.writeUInt32LE(detail >>> 0, at + 0x10);
    if (fields.tail !== undefined) this.bytes.set(fields.tail, at + (extended ? 64 : 32));
    return this;
  }

  /** A directory inode whose entries are inline. */
  directory(node: number, entries: readonly DirentFields[]): this {
    const tail = direntBlock(entries);
    return this.inode(node, { mode: directoryMode, layout: 2, size: tail.length, tail });
  }

  block(index: number, content: Uint8Array): this {
    this.bytes.set(content, index * this.blockSize);
    return this;
  }
}

/** Entries and names as a directory block has them. The order is the caller's affair. */
export function direntBlock(entries: readonly DirentFields[]): Buffer {
  const names = entries.map(({ name }) => Buffer.from(name as string));
  let nameOffset = entries.length * 12;
  const heads = entries.map(({ node, type = 1 }, i) => {
    const head = Buffer.alloc(12);
    head.writeBigUInt64LE(BigInt(node), 0);
    head.writeUInt16LE(nameOffset, 8);
    head.writeUInt8(type, 10);
    nameOffset += names[i]!.length;
    return head;
  });
  return Buffer.concat([...heads, ...names]);
}

/** A compression map: header (8 bytes) and what follows it. */
export function compressionMap(
  header: {
    readonly low?: number;
    readonly advise?: number;
    readonly algorithms?: number;
    readonly clusterBits?: number;
  },
  ...rest: readonly Uint8Array[]
): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE((header.low ?? 0) >>> 0, 0);
  bytes.writeUInt16LE(header.advise ?? 0, 4);
  bytes.writeUInt8(header.algorithms ?? 0, 6);
  bytes.writeUInt8(header.clusterBits ?? 0, 7);
  return Buffer.concat([bytes, ...rest]);
}

/** One entry of a full cluster index: type, where the extent starts in the cluster, block or distances. */
export interface IndexEntry {
  readonly type: number;
  readonly offset?: number;
  readonly value: number;
}

/** Entries of a full cluster index, with the 8 unused bytes before them. */
export function fullIndex(...entries: readonly IndexEntry[]): Buffer {
  const bytes = Buffer.alloc(8 + entries.length * 8);
  entries.forEach(({ type, offset = 0, value }, i) => {
    bytes.writeUInt16LE(type, 8 + i * 8);
    bytes.writeUInt16LE(offset, 8 + i * 8 + 2);
    bytes.writeUInt32LE(value >>> 0, 8 + i * 8 + 4);
  });
  return bytes;
}
