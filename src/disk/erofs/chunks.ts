/** Content in chunks of equal size: https://erofs.docs.kernel.org/en/latest/ondisk/chunked_format.html */
import { corrupt, unsupported } from './errors.ts';
import { nullBlock32, nullBlock48 } from './format.ts';
import { inodeEnd } from './inode.ts';
import type { Inode } from './inode.ts';
import { storedRun, zeroRun } from './run.ts';
import type { FindRun } from './run.ts';
import type { Purpose, Volume } from './volume.ts';

/** The chunk format, in the inode's detail field. */
const blockBitsMask = 0x1f;
const hasIndexes = 0x20;
const wideAddresses = 0x40;
const knownFormat = blockBitsMask | hasIndexes | wideAddresses;

/**
 * Finds the run that an offset of such content is in.
 * @throws PortableError NotSupported for a chunk format that is not known; InvalidArgs when the image is corrupt
 */
export function chunkRuns(volume: Volume, inode: Inode, purpose: Purpose): FindRun {
  const { space } = inode;
  const format = inode.detail & 0xffff;
  if ((format & ~knownFormat) !== 0) {
    throw unsupported(space.name, `the unknown chunk format 0x${format.toString(16)} in inode ${inode.node}`);
  }
  const { blockBits } = volume.superblock;
  const chunkBits = BigInt(blockBits + (format & blockBitsMask));
  const entrySize = (format & hasIndexes) === 0 ? 4n : 8n;
  const end = inodeEnd(inode);
  const table = end + ((entrySize - (end % entrySize)) % entrySize);

  return async (offset) => {
    const chunk = offset >> chunkBits;
    const start = chunk << chunkBits;
    const chunkEnd = start + (1n << chunkBits);
    const runEnd = chunkEnd < inode.size ? chunkEnd : inode.size;
    const entry = await space.read(table + chunk * entrySize, Number(entrySize));
    const block = entrySize === 4n ? blockOfMap(entry) : blockOfIndex(entry, format, inode);
    return block === undefined
      ? zeroRun(runEnd)
      : storedRun(volume, purpose, start, runEnd, block << BigInt(blockBits));
  };
}

/** A 4-byte block map entry; undefined for a hole. */
function blockOfMap(entry: Buffer): bigint | undefined {
  const block = BigInt(entry.readUInt32LE(0));
  return block === nullBlock32 ? undefined : block;
}

/** An 8-byte chunk index; undefined for a hole. */
function blockOfIndex(entry: Buffer, format: number, inode: Inode): bigint | undefined {
  const low = BigInt(entry.readUInt32LE(4));
  const wide = (format & wideAddresses) !== 0;
  const block = wide ? (BigInt(entry.readUInt16LE(0)) << 32n) | low : low;
  if (block === (wide ? nullBlock48 : nullBlock32)) return undefined;
  const device = entry.readUInt16LE(2);
  if (device !== 0) {
    throw corrupt(
      inode.space.name,
      `a chunk of inode ${inode.node} is on device ${device}, but there is only one`,
    );
  }
  return block;
}
