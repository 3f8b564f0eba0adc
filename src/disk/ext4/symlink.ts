/** Targets of symlinks: in the inode when they are short ("fast"), else in a block. */
import { readContent, refuseEncrypted } from './content.ts';
import { type Inode, blockAreaSize, hasFlag } from './inode.ts';
import type { Volume } from './volume.ts';

/** Bytes of a target: PATH_MAX of linux/limits.h, its zero byte left out. */
const maxTarget = 4095;

/**
 * The target of a symlink, as stored.
 * @throws PortableError NotSupported when it is encrypted, InvalidArgs when it is corrupt
 */
export async function readTarget(volume: Volume, inode: Inode): Promise<Buffer> {
  refuseEncrypted(volume, inode);
  if (inode.size === 0n || inode.size > BigInt(maxTarget)) {
    throw volume.corrupt(
      `the symlink with inode ${inode.number} has a target of ${inode.size} bytes, expected 1 to ${maxTarget}`,
    );
  }
  const target = isFast(volume, inode)
    ? Buffer.from(inode.blockArea.subarray(0, Number(inode.size)))
    : await readContent(volume, inode, 0n, maxTarget);
  if (target.includes(0)) {
    throw volume.corrupt(`the target of the symlink with inode ${inode.number} has a zero byte in it`);
  }
  return target;
}

/**
 * Whether the target is in i_block. It is when the link has no storage of its own; where attribute values are
 * counted as such (ea_inode), the size tells.
 */
function isFast(volume: Volume, inode: Inode): boolean {
  if (hasFlag(inode, 'inlineData') || inode.size >= BigInt(blockAreaSize)) return false;
  if (volume.superblock.features.has('ea_inode')) return true;
  const { blockSize, clusterBlocks } = volume.superblock;
  const xattrSectors = inode.xattrBlock === 0 ? 0 : (blockSize * clusterBlocks) / 512;
  return inode.sectors === xattrSectors;
}
