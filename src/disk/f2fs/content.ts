/** The bytes of a file: of regular files and symlinks alike. */
import { readLength } from '../read-length.ts';
import { addressesFrom, compressedMark } from './block-map.ts';
import type { Clusters } from './clusters.ts';
import type { Inode } from './inode.ts';
import { type Nodes, hole, reserved } from './nodes.ts';
import type { Volume } from './volume.ts';

/**
 * Up to `length` bytes of a file from `offset`, fewer only at its end. Holes read as zeros.
 * @throws PortableError NotSupported when it is encrypted, InvalidArgs when it is corrupt, LimitsExceeded
 */
export async function readContent(
  nodes: Nodes,
  clusters: Clusters,
  inode: Inode,
  offset: bigint,
  length: number,
): Promise<Buffer> {
  const { volume } = nodes;
  refuseEncrypted(volume, inode);
  const wanted = readLength(volume.budget, inode.size, offset, length);
  const bytes = Buffer.alloc(wanted);
  if (wanted === 0) return bytes;
  if (inode.hasInlineData) {
    checkInline(volume, inode);
    inode.inlineArea.copy(bytes, 0, Number(offset));
    return bytes;
  }
  const { blockSize } = volume.superblock;
  let index = Number(offset / BigInt(blockSize));
  let skip = Number(offset % BigInt(blockSize));
  for (let done = 0; done < wanted;) {
    volume.budget.checkTime();
    const piece = await pieceAt(nodes, clusters, inode, index);
    const count = Math.min(wanted - done, piece.blocks * blockSize - skip);
    const target = bytes.subarray(done, done + count);
    if ('address' in piece) await volume.readInto(target, piece.address, skip);
    else if ('content' in piece) piece.content.copy(target, 0, skip);
    done += count;
    index += piece.blocks;
    skip = 0;
  }
  return bytes;
}

/** @throws PortableError NotSupported when what an inode holds (or the names in it) can be read with a key only */
export function refuseEncrypted(volume: Volume, inode: Inode): void {
  if (!inode.isEncrypted) return;
  throw volume.unsupported(
    `encryption, with which the ${inode.kind} with inode ${inode.number} cannot be read`,
  );
}

function checkInline(volume: Volume, inode: Inode): void {
  if (inode.size <= BigInt(inode.inlineArea.length)) return;
  throw volume.corrupt(
    `inode ${inode.number} has ${inode.size} bytes in itself, and room for ${inode.inlineArea.length}`,
  );
}

/** Blocks of a file: on disk, decompressed (from the first of them on), or zeros. */
type Piece = { readonly blocks: number } & (
  { readonly address: number } | { readonly content: Buffer } | { readonly isHole: true }
);

/** The blocks from `index` on that are of one sort, and in one piece. */
async function pieceAt(nodes: Nodes, clusters: Clusters, inode: Inode, index: number): Promise<Piece> {
  const { volume } = nodes;
  if (inode.compression !== undefined) {
    const within = index % inode.compression.clusterBlocks;
    const content = await clusters.read(inode, inode.compression, index - within);
    if (content !== undefined) {
      const blocks = inode.compression.clusterBlocks - within;
      return { blocks, content: content.subarray(within * volume.superblock.blockSize) };
    }
  }
  const { count, words } = await addressesFrom(nodes, inode, index);
  if (words === undefined) return { blocks: count, isHole: true };
  // clusters are not compressed all alike
  const most = inode.compression === undefined ? count : clusterRest(inode.compression.clusterBlocks, index);
  const first = words.readUInt32LE(0);
  let blocks = 1;
  if (first === hole || first === reserved) {
    while (blocks < Math.min(most, count) && words.readUInt32LE(blocks * 4) === first) blocks++;
    return { blocks, isHole: true };
  }
  if (first === compressedMark) {
    throw volume.corrupt(
      `block ${index} of inode ${inode.number} starts a compressed cluster that may not be there`,
    );
  }
  while (blocks < Math.min(most, count) && words.readUInt32LE(blocks * 4) === first + blocks) blocks++;
  volume.checkMain(first, blocks, `block ${index} of inode ${inode.number}`);
  return { blocks, address: first };
}

function clusterRest(clusterBlocks: number, index: number): number {
  return clusterBlocks - (index % clusterBlocks);
}
