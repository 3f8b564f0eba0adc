/** The bytes of a file: of regular files, symlinks and the values of large xattrs alike. */
import { readLength } from '../read-length.ts';
import { mapBlock } from './block-map.ts';
import { inlineBytes } from './inline-data.ts';
import { type Inode, hasFlag } from './inode.ts';
import type { Volume } from './volume.ts';

/**
 * Up to `length` bytes of a file from `offset`, fewer only at its end. Holes read as zeros.
 * @throws PortableError NotSupported when it is encrypted, InvalidArgs when it is corrupt, LimitsExceeded
 */
export async function readContent(
  volume: Volume,
  inode: Inode,
  offset: bigint,
  length: number,
): Promise<Buffer> {
  refuseEncrypted(volume, inode);
  const wanted = readLength(volume.budget, inode.size, offset, length);
  const bytes = Buffer.alloc(wanted);
  if (wanted === 0) return bytes;
  if (hasFlag(inode, 'inlineData')) {
    const stored = inlineBytes(volume, inode);
    if (offset < BigInt(stored.length)) stored.copy(bytes, 0, Number(offset));
    return bytes;
  }
  const { blockSize } = volume.superblock;
  let logical = Number(offset / BigInt(blockSize));
  let skip = Number(offset % BigInt(blockSize));
  for (let done = 0; done < wanted;) {
    volume.budget.checkTime();
    const run = await mapBlock(volume, inode, logical);
    const piece = Math.min(wanted - done, run.count * blockSize - skip);
    if (run.physical !== undefined) {
      await volume.readInto(bytes.subarray(done, done + piece), run.physical, skip);
    }
    done += piece;
    logical += run.count;
    skip = 0;
  }
  return bytes;
}

/** @throws PortableError NotSupported when what an inode holds (or the names in it) can be read with a key only */
export function refuseEncrypted(volume: Volume, inode: Inode): void {
  if (!hasFlag(inode, 'encrypted')) return;
  throw volume.unsupported(
    `the ${inode.kind} with inode ${inode.number} is encrypted (ext4 feature encrypt) and cannot be read`,
    'images must not have encrypted files',
  );
}
