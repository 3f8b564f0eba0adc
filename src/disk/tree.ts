/**
 * A read-only file tree: the one interface through which everything above reads an image, whether it is a
 * directory, a squashfs, an ext4 partition behind verity, or anything else. Implementations are safe against
 * any bytes: they never read outside their source, and charge a Budget for what they do.
 */

export type NodeKind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character' | 'block';

/** What stat(2) tells of an inode, as far as images carry it. */
export interface NodeStat {
  readonly kind: NodeKind;
  /** Permission bits, 0o0000–0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes: of a file its content, of a symlink its target; 0 for anything else. */
  readonly size: bigint;
  readonly inode: bigint;
  readonly links: number;
  /** Seconds since the epoch. */
  readonly mtime: bigint;
  /** Device number of character and block nodes, split as in stat(2). */
  readonly device?: { readonly major: number; readonly minor: number };
}

export interface DirectoryEntry {
  /** The bytes of the name; never '.', '..', empty, or with '/' or NUL in it. */
  readonly name: Buffer;
  readonly kind: NodeKind;
}

/** One inode of a tree. Close it when done: directory trees hold a file descriptor per node. */
export interface TreeNode {
  readonly stat: NodeStat;
  /** The entry `name` of this directory, or undefined. Does not follow a symlink. @throws ENOTDIR-like InvalidArgs */
  lookup(name: Buffer): Promise<TreeNode | undefined>;
  /** The entries of this directory, in the order stored, '.' and '..' left out. */
  entries(): AsyncIterable<DirectoryEntry>;
  /** The target of this symlink, as stored. */
  readlink(): Promise<Buffer>;
  /** Up to `length` bytes of this file from `offset`; shorter only at the end of the file. */
  read(offset: bigint, length: number): Promise<Buffer>;
  /** Extended attributes by full name ("user.extension-release.strict"). */
  xattrs(): Promise<ReadonlyMap<string, Buffer>>;
  close(): Promise<void>;
}

export interface FileTree {
  /** The file system's name as in image policies and blkid: "squashfs", "erofs", "ext4", "directory" … */
  readonly type: string;
  /** What error messages call it. */
  readonly name: string;
  root(): Promise<TreeNode>;
  close(): Promise<void>;
}
