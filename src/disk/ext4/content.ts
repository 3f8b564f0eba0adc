/** The bytes of a file: of regular files, symlinks and the values of large xattrs alike. */
import { mapBlock } from './block-map.ts';
import { inlineBytes } from './inline-data.ts';
import { type Inode, hasFlag } from './inode.ts';
import type { Volume } from './volume.ts';

/** Bytes that one call may ask for; nobody who reads images in pieces needs more. */
const maxRead = 2 ** 30;

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
  const left = inode.size - offset;
  if (left <= 0n || length <= 0) return Buffer.alloc(0);
  const wanted = left < BigInt(length) ? Number(left) : length;
  if (wanted > maxRead) throw volume.budget.exceeded(`${wanted} bytes of a file asked for at once`);
  const bytes = Buffer.alloc(wanted);
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
