/** The bytes of a file: of regular files and symlinks alike. */
import { readLength } from '../read-length.ts';
import { type DataRange, readData } from './data.ts';
import { type Packed, expand } from './decompress.ts';
import { type FileExtent, type InlineExtent, type StoredExtent, fileExtents } from './file-extents.ts';
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';

/**
 * Up to `length` bytes of a file from `offset`, fewer only at its end. Holes read as zeros.
 * @throws PortableError NotSupported naming a compression, InvalidArgs when it is corrupt, LimitsExceeded
 */
export async function readContent(
  volume: Volume,
  inode: Inode,
  offset: bigint,
  length: number,
): Promise<Buffer> {
  const wanted = readLength(volume.budget, inode.size, offset, length);
  const bytes = Buffer.alloc(wanted);
  if (wanted === 0) return bytes;
  const end = offset + BigInt(wanted);
  for await (const extent of fileExtents(inode, volume.superblock.sectorSize, offset, end)) {
    volume.budget.checkTime();
    const from = max(extent.start, offset);
    const to = min(extent.end, end);
    if (from >= to) continue;
    const target = bytes.subarray(Number(from - offset), Number(to - offset));
    await fill(volume, inode, extent, from, target);
  }
  return bytes;
}

/** Fills `target` with the bytes of the file from `from` on, all of which are in the extent. */
async function fill(
  volume: Volume,
  inode: Inode,
  extent: FileExtent,
  from: bigint,
  target: Buffer,
): Promise<void> {
  if (extent.kind === 'hole') return;
  if (extent.kind === 'inline') {
    (await inlineBytes(volume, inode, extent)).copy(target, 0, Number(from));
  } else if (extent.compression === 'none') {
    await fillStored(volume, inode, extent, from, target);
  } else {
    const { compression } = extent;
    const bytes = await expanded(volume, inode, extent, compression);
    bytes.copy(target, 0, Number(extent.offset + (from - extent.start)));
  }
}

async function inlineBytes(volume: Volume, inode: Inode, extent: InlineExtent): Promise<Buffer> {
  const { data, end, compression } = extent;
  if (compression === 'none') return data;
  return expand({
    compression,
    bytes: data,
    expandedBytes: Number(end),
    sectorSize: volume.superblock.sectorSize,
    place: { file: `${volume.source.name} (inline in ${ownerOf(inode)})`, offset: 0n },
  });
}

/** Whole sectors are read, as each has one checksum. */
async function fillStored(
  volume: Volume,
  inode: Inode,
  extent: StoredExtent,
  from: bigint,
  target: Buffer,
): Promise<void> {
  const { sectorSize } = volume.superblock;
  const skipped = Number(from % BigInt(sectorSize));
  const offset = from - BigInt(skipped);
  const range = {
    address: extent.address + extent.offset + (offset - extent.start),
    length: Math.ceil((skipped + target.length) / sectorSize) * sectorSize,
    isChecked: !inode.isUnchecked,
    owner: ownerOf(inode),
    offset,
  };
  let filled = -skipped;
  for await (const piece of readData(volume, range)) {
    piece.copy(target, Math.max(filled, 0), Math.max(-filled, 0));
    filled += piece.length;
  }
}

/** All of a compressed extent, of which the last ones are kept: a file is read in pieces. */
function expanded(
  volume: Volume,
  inode: Inode,
  extent: StoredExtent,
  compression: Packed['compression'],
): Promise<Buffer> {
  const { address, storedBytes, expandedBytes } = extent;
  const { limits } = volume.budget;
  if (expandedBytes > limits.blockBytes) {
    throw volume.budget.exceeded(`a compressed extent of ${expandedBytes} bytes of content`);
  }
  const isChecked = !inode.isUnchecked;
  const key = `${address} ${storedBytes} ${expandedBytes} ${compression} ${isChecked}`;
  return volume.extents.get(key, async () => {
    const range: DataRange = {
      address,
      length: storedBytes,
      isChecked,
      owner: ownerOf(inode),
      offset: extent.start,
    };
    const parts: Buffer[] = [];
    for await (const part of readData(volume, range)) parts.push(part);
    const [physical = 0n] = (await volume.findChunk(address)).copies;
    return expand({
      compression,
      bytes: Buffer.concat(parts),
      expandedBytes,
      sectorSize: volume.superblock.sectorSize,
      place: { file: volume.source.name, offset: physical },
    });
  });
}

/** What error messages call the file. */
function ownerOf({ number, tree }: Inode): string {
  return `inode ${number} of subvolume ${tree.id}`;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
