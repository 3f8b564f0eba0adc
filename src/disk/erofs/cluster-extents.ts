/** From an index of logical clusters to extents. */
import { clusterIndex } from './cluster-index.ts';
import type { ClusterEntry, ClusterIndex, HeadEntry } from './cluster-index.ts';
import type { ClusterMap } from './compression-map.ts';
import { corrupt } from './errors.ts';
import type { Extent, ExtentData } from './extent.ts';
import { maxDecodedBytes } from './format.ts';
import type { Inode } from './inode.ts';

/**
 * Finds the extent that the byte at an offset of the content is in.
 * @param blockSize bytes
 */
export function clusterExtents(
  map: ClusterMap,
  inode: Inode,
  blockSize: number,
): (offset: bigint) => Promise<Extent> {
  const index = clusterIndex(map, inode);
  const size = BigInt(map.clusterSize);

  return async (offset) => {
    const { cluster, head } = await findHead(map, inode, index, offset);
    const start = cluster * size + BigInt(head.offset);
    const { end, second } = await findEnd(map, inode, index, cluster);
    const isTail = end === inode.size;
    if (isTail && map.fragmentTail !== undefined) {
      return { start, end, data: await fragment(map, index, cluster, map.fragmentTail) };
    }
    const place =
      isTail && map.inlineTail !== undefined
        ? { space: inode.space, position: index.end, length: map.inlineTail }
        : {
            space: undefined,
            position: (await index.headBlock(cluster)) * BigInt(blockSize),
            length: blocks(map, inode, head, second) * blockSize,
          };
    const data: ExtentData =
      head.algorithm === undefined
        ? { kind: 'stored', place, interlaced: map.interlaced && place.space === undefined }
        : { kind: 'compressed', place, algorithm: map.algorithms[head.algorithm] };
    return { start, end, data };
  };
}

/** Clusters that one extent can have, so that a search ends. */
function mostClusters(map: ClusterMap): number {
  return maxDecodedBytes / map.clusterSize + 1;
}

/** The cluster where the extent starts: the last head at or before the offset. */
async function findHead(
  map: ClusterMap,
  inode: Inode,
  index: ClusterIndex,
  offset: bigint,
): Promise<{ cluster: bigint; head: HeadEntry }> {
  const size = BigInt(map.clusterSize);
  const from = offset / size;
  for (let back = 0; back <= mostClusters(map) && BigInt(back) <= from; back++) {
    const cluster = from - BigInt(back);
    const entry = await index.entry(cluster);
    if (entry.head && cluster * size + BigInt(entry.offset) <= offset) return { cluster, head: entry };
  }
  throw corrupt(inode.space.name, `no extent of inode ${inode.node} holds its byte ${offset}`);
}

/** Where the next extent starts, or the content ends; and the entry after the head. */
async function findEnd(
  map: ClusterMap,
  inode: Inode,
  index: ClusterIndex,
  head: bigint,
): Promise<{ end: bigint; second: ClusterEntry | undefined }> {
  let second: ClusterEntry | undefined;
  for (let ahead = 1; ahead <= mostClusters(map); ahead++) {
    const cluster = head + BigInt(ahead);
    if (cluster >= index.count) return { end: inode.size, second };
    const entry = await index.entry(cluster);
    second ??= entry;
    if (entry.head) {
      const end = cluster * BigInt(map.clusterSize) + BigInt(entry.offset);
      return { end: end < inode.size ? end : inode.size, second };
    }
  }
  throw corrupt(inode.space.name, `an extent of inode ${inode.node} is longer than ${maxDecodedBytes} bytes`);
}

/** Blocks that the extent takes in the image. */
function blocks(map: ClusterMap, inode: Inode, head: HeadEntry, second: ClusterEntry | undefined): number {
  const mayBeBig = map.bigClusters[head.algorithm === 0 ? 0 : 1];
  if (!mayBeBig || second === undefined || second.head) return 1;
  if (second.blocks === undefined || second.blocks === 0) {
    throw corrupt(inode.space.name, `inode ${inode.node} has a big cluster without its number of blocks`);
  }
  return second.blocks;
}

/** Only the full index has room for the high half of the offset, in the place of the block address. */
async function fragment(
  map: ClusterMap,
  index: ClusterIndex,
  cluster: bigint,
  low: bigint,
): Promise<ExtentData> {
  const high = map.compact ? 0n : await index.headBlock(cluster);
  return { kind: 'fragment', offset: (high << 32n) | low };
}
