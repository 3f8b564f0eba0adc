/**
 * What all metadata blocks of version 5 say of themselves: a checksum, where they are, and of which file system and
 * file. "XFS Algorithms & Data Structures", chapter "Self-Describing Metadata".
 */
import { checksumMatches } from './checksum.ts';
import { u64 } from './fields.ts';
import { uuidSize } from './superblock-layout.ts';
import type { Volume } from './volume.ts';

/** Offsets of these fields. */
export interface HeaderLayout {
  readonly checksum: number;
  /** In units of 512 bytes. */
  readonly place: number;
  readonly uuid: number;
  /** The number of the inode that it belongs to. */
  readonly owner: number;
}

/** Blocks of directory entries: struct xfs_dir3_blk_hdr. */
export const directoryHeader: HeaderLayout = { checksum: 4, place: 8, uuid: 24, owner: 40 };
/** Nodes and leaves of the hash indices of directories and attributes: struct xfs_da3_blkinfo. */
export const indexHeader: HeaderLayout = { checksum: 12, place: 16, uuid: 32, owner: 48 };
/** Blocks of extent trees: struct xfs_btree_lblock, long form. */
export const treeHeader: HeaderLayout = { checksum: 64, place: 24, uuid: 40, owner: 56 };
/** Targets of symbolic links, and values of attributes: struct xfs_dsymlink_hdr, struct xfs_attr3_rmt_hdr. */
export const remoteHeader: HeaderLayout = { checksum: 12, place: 40, uuid: 16, owner: 32 };

const placeUnit = 512;

/**
 * @param at the number of the block, as Volume.locate gives it, and of the inode that it should belong to
 * @throws PortableError InvalidArgs naming the field that is wrong
 */
export function checkHeader(
  volume: Volume,
  bytes: Buffer,
  layout: HeaderLayout,
  at: { readonly block: number; readonly owner: bigint; readonly what: string },
): void {
  const where = `${at.what} (block ${at.block})`;
  if (!checksumMatches(bytes, layout.checksum)) {
    throw volume.corrupt(`the checksum of ${where} does not match`);
  }
  const { uuid, blockSize } = volume.superblock;
  if (uuid.compare(bytes, layout.uuid, layout.uuid + uuidSize) !== 0) {
    throw volume.corrupt(`${where} has the UUID of another file system`);
  }
  const place = u64(layout.place)(bytes);
  if (place !== (BigInt(at.block) * BigInt(blockSize)) / BigInt(placeUnit)) {
    throw volume.corrupt(`${where} says that it is at sector ${place}`);
  }
  const owner = u64(layout.owner)(bytes);
  if (owner !== at.owner) throw volume.corrupt(`${where} belongs to inode ${owner}`);
}
