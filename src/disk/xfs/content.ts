/** The bytes of regular files. */
import { readLength } from '../read-length.ts';
import { mapBlock } from './extent-map.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';

/**
 * Up to `length` bytes of a file from `offset`, fewer only at its end. Holes, and what is reserved but not written,
 * read as zeros.
 * @throws PortableError NotSupported when they are on a realtime device, InvalidArgs when the file is corrupt,
 *   LimitsExceeded
 */
export async function readContent(
  volume: Volume,
  inode: Inode,
  offset: bigint,
  length: number,
): Promise<Buffer> {
  if (inode.isRealtime)
    throw volume.unsupported(`a realtime device for the content of inode ${inode.number}`);
  const wanted = readLength(volume.budget, inode.size, offset, length);
  const bytes = Buffer.alloc(wanted);
  if (wanted === 0) return bytes;
  const { blockSize } = volume.superblock;
  let logical = Number(offset / BigInt(blockSize));
  let skip = Number(offset % BigInt(blockSize));
  for (let done = 0; done < wanted;) {
    volume.budget.checkTime();
    const run = await mapBlock(volume, inode, inode.data, logical);
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
