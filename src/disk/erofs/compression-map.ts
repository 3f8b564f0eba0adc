/**
 * The header that starts the compression map of an inode:
 * https://erofs.docs.kernel.org/en/latest/ondisk/compressed_format.html#per-inode-compression-metadata
 */
import { corrupt, unsupported } from './errors.ts';
import { dataLayout, sizeOf } from './format.ts';
import { inodeEnd } from './inode.ts';
import type { Inode } from './inode.ts';

/** h_advise. Bit 0 depends on the layout: 2-byte packs in the compact one, encoded extents in the full one. */
const advise = {
  compact2B: 0x1,
  extents: 0x1,
  bigCluster1: 0x2,
  bigCluster2: 0x4,
  inlineTail: 0x8,
  interlaced: 0x10,
  fragmentTail: 0x20,
} as const;
const knownAdvise = 0x3f;

/** How the content of a compressed inode is described. */
export type CompressionMap = WholeFragment | ClusterMap | ExtentMap;

/** All of the content is in the packed inode. */
export interface WholeFragment {
  readonly kind: 'fragment';
  /** Bytes from the start of the packed inode. */
  readonly offset: bigint;
}

/** Content is cut into logical clusters of equal size, with an index entry for each. */
export interface ClusterMap {
  readonly kind: 'clusters';
  /** Where the index starts in the inode's metadata space. */
  readonly start: bigint;
  /** Bytes of a logical cluster. */
  readonly clusterSize: number;
  /** The entries are bit-packed. */
  readonly compact: boolean;
  /** Some packs have 2 bytes per entry. */
  readonly compact2B: boolean;
  /** Clusters compressed by the first, second algorithm may have several blocks. */
  readonly bigClusters: readonly [boolean, boolean];
  /** Numbers of the first and second algorithm. */
  readonly algorithms: readonly [number, number];
  /** Stored clusters are rotated in their blocks. */
  readonly interlaced: boolean;
  /** Bytes of the last cluster, compressed, after the index; undefined when it is in a block. */
  readonly inlineTail: number | undefined;
  /** Where the last extent is in the packed inode (the low 32 bits of it); undefined when it is in a block. */
  readonly fragmentTail: bigint | undefined;
}

/** Content is a row of extents, each with position and length in bytes. */
export interface ExtentMap {
  readonly kind: 'extents';
  /** The byte after the header. */
  readonly start: bigint;
  /** Bytes of a record: 4, 8, 16 or 32. */
  readonly recordSize: number;
  /** Records of 4 and 8 bytes: bytes of content in each extent but the last. */
  readonly extentSize: bigint;
  /** Number of records, where they have 16 or 32 bytes. */
  readonly count: bigint;
  /** Stored extents that fill blocks are rotated in them. */
  readonly interlaced: boolean;
  /** The last extent is in the packed inode. */
  readonly fragmentTail: boolean;
}

/**
 * @param blockBits log2 of the block size
 * @throws PortableError InvalidArgs for a map that cannot be, NotSupported for flags or a cluster size that are not known
 */
export async function readCompressionMap(inode: Inode, blockBits: number): Promise<CompressionMap> {
  const { space } = inode;
  const position = alignUp(inodeEnd(inode), 8n);
  const header = await space.read(position, sizeOf.mapHeader);
  const whole = header.readBigUInt64LE(0);
  if (whole >> 63n === 1n) return { kind: 'fragment', offset: whole & ((1n << 63n) - 1n) };
  const flags = header.readUInt16LE(4);
  if ((flags & ~knownAdvise) !== 0) {
    throw unsupported(
      space.name,
      `the unknown compression flags 0x${flags.toString(16)} (h_advise) in inode ${inode.node}`,
    );
  }
  const has = (bit: number) => (flags & bit) !== 0;
  const compact = inode.layout === dataLayout.compressedCompact;
  const start = position + BigInt(sizeOf.mapHeader);
  const clusterBits = blockBits + (header.readUInt8(7) & 0x0f);
  if (!compact && has(advise.extents)) {
    return {
      kind: 'extents',
      start,
      recordSize: 4 << ((flags >> 1) & 3),
      extentSize: 1n << BigInt(clusterBits),
      count: (BigInt(header.readUInt16LE(6)) << 32n) | BigInt(header.readUInt32LE(0)),
      interlaced: has(advise.interlaced),
      fragmentTail: has(advise.fragmentTail),
    };
  }
  const bigClusters = [has(advise.bigCluster1), has(advise.bigCluster2)] as const;
  // what the bits of an entry can tell apart
  if (clusterBits > (compact ? (has(advise.compact2B) ? 12 : 14) : 16)) {
    throw unsupported(space.name, `logical clusters of 2^${clusterBits} bytes in inode ${inode.node}`);
  }
  if (compact && bigClusters[0] !== bigClusters[1]) {
    throw corrupt(
      space.name,
      `the compact index of inode ${inode.node} has big clusters for one algorithm only`,
    );
  }
  const inlineSize = header.readUInt16LE(2);
  return {
    kind: 'clusters',
    // the full index has 8 unused bytes before it
    start: compact ? start : start + 8n,
    clusterSize: 2 ** clusterBits,
    compact,
    compact2B: compact && has(advise.compact2B),
    bigClusters,
    algorithms: [header.readUInt8(6) & 0x0f, header.readUInt8(6) >> 4],
    interlaced: has(advise.interlaced),
    inlineTail: has(advise.inlineTail) && !has(advise.fragmentTail) ? inlineSize : undefined,
    fragmentTail: has(advise.fragmentTail) ? BigInt(header.readUInt32LE(0)) : undefined,
  };
}

function alignUp(value: bigint, to: bigint): bigint {
  return value + ((to - (value % to)) % to);
}
