/**
 * The boot sector: where the allocation table, the root directory and the clusters are. Layout and rules: Microsoft,
 * "FAT: General Overview of On-Disk Format" (FAT32 File System Specification 1.03), "Boot Sector and BPB", "FAT Type
 * Determination". What FSInfo has besides, hints on free clusters, is for those who write.
 */
import type { BlockSource } from '../source.ts';
import { corrupt, unsupported } from './errors.ts';

/** BPB fields, bytes from the start of the boot sector. */
const at = {
  bytesPerSector: 11,
  sectorsPerCluster: 13,
  reservedSectors: 14,
  tables: 16,
  rootEntries: 17,
  sectors16: 19,
  media: 21,
  sectorsPerTable16: 22,
  sectors32: 32,
  // of FAT32 alone
  sectorsPerTable32: 36,
  flags: 40,
  version: 42,
  rootCluster: 44,
} as const;

const bootSectorSize = 512;
const sectorSizes = [512, 1024, 2048, 4096];

/** Bytes of a directory entry. */
export const slotSize = 32;

/** Numbers of clusters start here; the entries before hold marks. */
export const firstCluster = 2;

/** Clusters that each kind has at most, going by what its numbers can express. */
const mostClusters = { 12: 4084, 16: 65524, 32: 0x0fff_fff5 } as const;

/** Flags of FAT32: only one table is kept up to date, and which. */
const notMirrored = 0x80;
const activeTable = 0x0f;

/** Where things are. Offsets and sizes in bytes. */
export interface Geometry {
  /** FAT12, FAT16 or FAT32: bits of an entry of the table. */
  readonly bits: 12 | 16 | 32;
  readonly clusterSize: number;
  /** Clusters with numbers from 2 to this plus 1. */
  readonly clusters: number;
  /** Of the first allocation table, the one that the kernel reads. */
  readonly tableOffset: bigint;
  /** Of cluster 2. */
  readonly dataOffset: bigint;
  /** The root directory: in a place of its own, or a chain like any other. */
  readonly root: { readonly offset: bigint; readonly size: number } | { readonly cluster: number };
}

/**
 * Reads and checks the boot sector.
 * @throws PortableError InvalidArgs naming the field that cannot be right, NotSupported for an unknown version of FAT32
 */
export async function readBootSector(source: BlockSource): Promise<Geometry> {
  const bytes = await source.read(0n, bootSectorSize);
  const sectorSize = bytes.readUInt16LE(at.bytesPerSector);
  if (!sectorSizes.includes(sectorSize)) throw corrupt(source.name, `sectors of ${sectorSize} bytes`);
  const perCluster = bytes.readUInt8(at.sectorsPerCluster);
  if (perCluster === 0 || (perCluster & (perCluster - 1)) !== 0) {
    throw corrupt(source.name, `clusters of ${perCluster} sectors`);
  }
  const reserved = bytes.readUInt16LE(at.reservedSectors);
  const tables = bytes.readUInt8(at.tables);
  if (reserved === 0)
    throw corrupt(source.name, 'no reserved sectors, of which the boot sector is the first');
  if (tables === 0) throw corrupt(source.name, 'no allocation table');
  const media = bytes.readUInt8(at.media);
  if (media !== 0xf0 && media < 0xf8) {
    throw corrupt(source.name, `the unknown media type 0x${media.toString(16)} in its boot sector`);
  }
  const short = bytes.readUInt16LE(at.sectorsPerTable16);
  const isWide = short === 0;
  const perTable = isWide ? bytes.readUInt32LE(at.sectorsPerTable32) : short;
  if (perTable === 0) throw corrupt(source.name, 'an allocation table of 0 sectors');
  if (isWide) checkWide(source, bytes);
  const rootEntries = bytes.readUInt16LE(at.rootEntries);
  if ((rootEntries * slotSize) % sectorSize !== 0) {
    throw corrupt(source.name, `a root directory of ${rootEntries} entries, which fill no whole sectors`);
  }
  const sectors = bytes.readUInt16LE(at.sectors16) || bytes.readUInt32LE(at.sectors32);
  const rootSector = reserved + tables * perTable;
  const dataSector = rootSector + (rootEntries * slotSize) / sectorSize;
  if (BigInt(sectors) * BigInt(sectorSize) > source.size) {
    throw corrupt(
      source.name,
      `${sectors} sectors of ${sectorSize} bytes, and only ${source.size} bytes are there`,
    );
  }
  if (sectors < dataSector + perCluster) {
    throw corrupt(
      source.name,
      `${sectors} sectors, of which the first ${dataSector} are for tables, and no cluster`,
    );
  }
  const counted = Math.floor((sectors - dataSector) / perCluster);
  const bits = isWide ? 32 : counted > mostClusters[12] ? 16 : 12;
  // there may be more room than the table has entries for
  const clusters = Math.min(counted, Math.floor((perTable * sectorSize * 8) / bits) - firstCluster);
  if (clusters > mostClusters[bits]) {
    throw corrupt(source.name, `${clusters} clusters, and FAT${bits} has ${mostClusters[bits]} at most`);
  }
  const bytesAt = (sector: number): bigint => BigInt(sector) * BigInt(sectorSize);
  return {
    bits,
    clusterSize: perCluster * sectorSize,
    clusters,
    tableOffset: bytesAt(reserved),
    dataOffset: bytesAt(dataSector),
    root: isWide
      ? { cluster: bytes.readUInt32LE(at.rootCluster) }
      : { offset: bytesAt(rootSector), size: rootEntries * slotSize },
  };
}

/** What only FAT32 has. */
function checkWide(source: BlockSource, bytes: Buffer): void {
  const version = bytes.readUInt16LE(at.version);
  if (version !== 0) {
    throw unsupported(source.name, `the unknown version ${version >> 8}.${version & 0xff} of FAT32`);
  }
  const flags = bytes.readUInt16LE(at.flags);
  if ((flags & notMirrored) !== 0 && (flags & activeTable) !== 0) {
    throw unsupported(
      source.name,
      `allocation table ${flags & activeTable} instead of the first, which the kernel reads`,
    );
  }
}
