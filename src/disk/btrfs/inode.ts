/** Inodes: "On-disk Format", INODE_ITEM. */
import { kindOfMode } from '../node-kind.ts';
import type { NodeStat } from '../tree.ts';
import { type Tree, findItem } from './btree.ts';
import { corrupt } from './errors.ts';
import { keyType, sizeOf } from './format.ts';

export interface Inode {
  /** The subvolume. */
  readonly tree: Tree;
  readonly number: bigint;
  readonly stat: NodeStat;
  /** Bytes of content; of symlinks, too. */
  readonly size: bigint;
  /** Its data were written without checksums. */
  readonly isUnchecked: boolean;
}

/** BTRFS_INODE_NODATASUM of linux/btrfs_tree.h. */
const noDataSum = 1n;

/** Sizes and offsets of files are signed in the kernel. */
const maxSize = 2n ** 63n - 1n;

/** @throws PortableError InvalidArgs when it is not there, or is none */
export async function readInode(tree: Tree, number: bigint): Promise<Inode> {
  const bad = (what: string) => corrupt(tree.image, `inode ${number} of subvolume ${tree.id} ${what}`);
  const data = await findItem(tree, { objectId: number, type: keyType.inodeItem, offset: 0n });
  if (data === undefined) throw bad('is not there');
  if (data.length !== sizeOf.inodeItem) throw bad(`has ${data.length} bytes`);
  const mode = data.readUInt32LE(52);
  const kind = kindOfMode(mode);
  if (kind === undefined) throw bad(`has the unknown file type 0o${mode.toString(8)}`);
  const size = data.readBigUInt64LE(16);
  if (size > maxSize) throw bad(`has ${size} bytes of content`);
  const isDevice = kind === 'character' || kind === 'block';
  return {
    tree,
    number,
    size,
    isUnchecked: (data.readBigUInt64LE(64) & noDataSum) !== 0n,
    stat: {
      kind,
      mode: mode & 0o7777,
      uid: data.readUInt32LE(44),
      gid: data.readUInt32LE(48),
      size: kind === 'file' || kind === 'symlink' ? size : 0n,
      inode: number,
      links: data.readUInt32LE(40),
      mtime: data.readBigInt64LE(136),
      ...(isDevice ? { device: deviceNumber(data.readBigUInt64LE(56)) } : {}),
    },
  };
}

/** As the kernel has it in memory: 12 bits, and 20. */
function deviceNumber(stored: bigint): { major: number; minor: number } {
  const number = Number(BigInt.asUintN(32, stored));
  return { major: number >>> 20, minor: number & 0xfffff };
}
