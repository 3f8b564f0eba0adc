/**
 * The index of logical clusters, in its full and its compact form:
 * https://erofs.docs.kernel.org/en/latest/ondisk/compressed_format.html#logical-cluster-index-entry-8-bytes
 *
 * The distances that entries hold are only hints for faster search and are not used: an image cannot make us
 * follow them anywhere.
 */
import { corrupt } from './errors.ts';
import { sizeOf } from './format.ts';
import type { ClusterMap } from './compression-map.ts';
import type { Inode } from './inode.ts';

/** What starts in a logical cluster, or that nothing does. */
export type ClusterEntry = HeadEntry | RestEntry;

export interface HeadEntry {
  readonly head: true;
  /** Which of the inode's two algorithms; undefined when the bytes are stored as they are. */
  readonly algorithm: 0 | 1 | undefined;
  /** The byte of the cluster where the extent starts. */
  readonly offset: number;
}

export interface RestEntry {
  readonly head: false;
  /** Compressed blocks of the extent; only the first entry after the head of a big cluster tells. */
  readonly blocks: number | undefined;
}

export interface ClusterIndex {
  /** Number of entries. */
  readonly count: bigint;
  /** The byte after the index. */
  readonly end: bigint;
  entry(cluster: bigint): Promise<ClusterEntry>;
  /** The first block of the extent that starts in the cluster. */
  headBlock(cluster: bigint): Promise<bigint>;
}

/** Marks a distance that is a number of blocks instead. */
const isBlockCount = 0x800;

/** @throws PortableError InvalidArgs when the index would not fit into the image */
export function clusterIndex(map: ClusterMap, inode: Inode): ClusterIndex {
  const size = BigInt(map.clusterSize);
  const count = (inode.size + size - 1n) / size;
  const index = map.compact ? compactIndex(map, inode, count) : fullIndex(map, inode, count);
  if (index.end > inode.space.size) {
    throw corrupt(
      inode.space.name,
      `the compression index of inode ${inode.node} would end at offset ${index.end}`,
    );
  }
  return index;
}

function fullIndex(map: ClusterMap, inode: Inode, count: bigint): ClusterIndex {
  const entrySize = BigInt(sizeOf.clusterIndex);
  const read = (cluster: bigint) => inode.space.read(map.start + cluster * entrySize, sizeOf.clusterIndex);
  return {
    count,
    end: map.start + count * entrySize,
    async entry(cluster) {
      const bytes = await read(cluster);
      const value = bytes.readUInt16LE(4);
      return entryOf(map, inode, bytes.readUInt16LE(0) & 3, {
        offset: bytes.readUInt16LE(2),
        blocks: (value & isBlockCount) === 0 ? undefined : value & ~isBlockCount,
      });
    },
    async headBlock(cluster) {
      return BigInt((await read(cluster)).readUInt32LE(4));
    },
  };
}

/** A group of entries that are packed together and share one base address. */
interface Pack {
  /** The cluster of its first entry. */
  readonly first: bigint;
  readonly position: bigint;
  readonly entries: number;
  readonly bitsPerEntry: number;
}

function compactIndex(map: ClusterMap, inode: Inode, count: bigint): ClusterIndex {
  const regions = compactRegions(map, count);
  const bigClusters = map.bigClusters[0];
  let last:
    { readonly first: bigint; readonly entries: readonly ClusterEntry[]; readonly base: bigint } | undefined;

  const load = async (cluster: bigint) => {
    const pack = packOf(regions, cluster);
    if (last?.first === pack.first) return last;
    const bytes = await inode.space.read(pack.position, (pack.entries * pack.bitsPerEntry) / 8 + 4);
    const base = BigInt(bytes.readUInt32LE(bytes.length - 4));
    // entries after the last cluster are padding
    const used = Math.min(pack.entries, Number(count - pack.first));
    const entries = Array.from({ length: used }, (_, i) => packedEntry(map, inode, pack, bytes, i));
    last = { first: pack.first, entries, base };
    return last;
  };

  return {
    count,
    end: regions.end,
    async entry(cluster) {
      const { first, entries } = await load(cluster);
      return present(inode, entries[Number(cluster - first)]);
    },
    async headBlock(cluster) {
      const { first, entries, base } = await load(cluster);
      const before = entries.slice(0, Number(cluster - first));
      // without big clusters, the base is the block before the pack's first
      if (!bigClusters) return base + BigInt(1 + before.filter((entry) => entry.head).length);
      return base + BigInt(before.reduce((sum, entry, i) => sum + blocksOf(entry, before[i + 1]), 0));
    },
  };
}

/** Blocks to count for an entry: a big cluster's are counted at the entry that says how many. */
function blocksOf(entry: ClusterEntry, next: ClusterEntry | undefined): number {
  if (!entry.head) return entry.blocks ?? 0;
  return next?.head === false && next.blocks !== undefined ? 0 : 1;
}

/** Where the packs are: small ones up to an aligned offset, big ones as far as they go, small ones for the rest. */
interface Regions {
  readonly start: bigint;
  /** Clusters in small packs at the start, in big packs. */
  readonly initial: bigint;
  readonly big: bigint;
  readonly end: bigint;
}

const smallPack = { entries: 2n, bytes: 8n, bitsPerEntry: 16 };
const bigPack = { entries: 16n, bytes: 32n, bitsPerEntry: 14 };

function compactRegions(map: ClusterMap, count: bigint): Regions {
  const misaligned = map.start % bigPack.bytes;
  const untilAligned =
    misaligned === 0n ? 0n : ((bigPack.bytes - misaligned) / smallPack.bytes) * smallPack.entries;
  const initial = !map.compact2B || untilAligned >= count ? count : untilAligned;
  const big = ((count - initial) / bigPack.entries) * bigPack.entries;
  const small = (entries: bigint) =>
    ((entries + smallPack.entries - 1n) / smallPack.entries) * smallPack.bytes;
  const end =
    map.start + small(initial) + (big / bigPack.entries) * bigPack.bytes + small(count - initial - big);
  return { start: map.start, initial, big, end };
}

function packOf(regions: Regions, cluster: bigint): Pack {
  const { start, initial, big } = regions;
  if (cluster < initial) return nthPack(smallPack, start, 0n, cluster);
  const bigStart = start + (initial / smallPack.entries) * smallPack.bytes;
  if (cluster < initial + big) return nthPack(bigPack, bigStart, initial, cluster);
  const restStart = bigStart + (big / bigPack.entries) * bigPack.bytes;
  return nthPack(smallPack, restStart, initial + big, cluster);
}

function nthPack(shape: typeof smallPack, position: bigint, first: bigint, cluster: bigint): Pack {
  const nth = (cluster - first) / shape.entries;
  return {
    first: first + nth * shape.entries,
    position: position + nth * shape.bytes,
    entries: Number(shape.entries),
    bitsPerEntry: shape.bitsPerEntry,
  };
}

function packedEntry(map: ClusterMap, inode: Inode, pack: Pack, bytes: Buffer, i: number): ClusterEntry {
  const bit = i * pack.bitsPerEntry;
  const lowBits = Math.max(Math.log2(map.clusterSize), 12);
  // an entry and its shift fit into 32 bits; the base address after the entries keeps this inside the pack
  const value = bytes.readUInt32LE(bit >> 3) >>> (bit & 7);
  const low = value & (2 ** lowBits - 1);
  return entryOf(map, inode, (value >>> lowBits) & 3, {
    offset: low,
    blocks: (low & isBlockCount) === 0 ? undefined : low & ~isBlockCount,
  });
}

/** @param value what the entry's number means, as an offset and as a number of blocks; the type decides which counts */
function entryOf(
  map: ClusterMap,
  inode: Inode,
  type: number,
  value: { readonly offset: number; readonly blocks: number | undefined },
): ClusterEntry {
  if (type === 2) {
    // without big clusters the mark means nothing
    const mayTell = map.bigClusters[0] || map.bigClusters[1];
    return { head: false, blocks: mayTell ? value.blocks : undefined };
  }
  if (value.offset >= map.clusterSize) {
    throw corrupt(inode.space.name, `an extent of inode ${inode.node} starts outside its cluster`);
  }
  return { head: true, algorithm: type === 0 ? undefined : type === 1 ? 0 : 1, offset: value.offset };
}

function present(inode: Inode, entry: ClusterEntry | undefined): ClusterEntry {
  if (entry === undefined) throw corrupt(inode.space.name, `inode ${inode.node} has no such cluster`);
  return entry;
}
