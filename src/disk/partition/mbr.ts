/**
 * The master boot record: UEFI Specification, section 5.2 "LBA 0 Format". Logical partitions, inside an extended
 * one, are not looked for: systemd 257 and 262 find none in an image.
 */
import type { BlockSource } from '../source.ts';
import { type MbrPartition, type MbrTable, checkPartitions } from './table.ts';

/** Bytes of the record, and of the sectors that its entries count in, but on block devices with larger ones. */
const recordSize = 512;

/** Byte offsets in the record. */
const record = { entries: 446, signature: 510 } as const;

/** Byte offsets in one of its four entries. */
const entry = { size: 16, boot: 0, type: 4, start: 8, sectors: 12 } as const;

/** The type of the one partition of a medium that really has a GPT. */
const protectiveType = 0xee;

interface Entry {
  readonly type: number;
  readonly boot: number;
  /** Sectors, of the medium where it has any. */
  readonly start: number;
  readonly sectors: number;
}

/** The entries of the first sector; undefined when it is no boot record. */
export function readBootRecord(sector: Buffer): readonly Entry[] | undefined {
  if (sector.length < recordSize || sector.readUInt16LE(record.signature) !== 0xaa55) return undefined;
  const entries = [0, 1, 2, 3].map((i) => {
    const bytes = sector.subarray(record.entries + i * entry.size);
    return {
      type: bytes.readUInt8(entry.type),
      boot: bytes.readUInt8(entry.boot),
      start: bytes.readUInt32LE(entry.start),
      sectors: bytes.readUInt32LE(entry.sectors),
    };
  });
  return entries.every(({ boot }) => boot === 0 || boot === 0x80) ? entries : undefined;
}

/** Whether the first sector says that the medium has a GPT. */
export function isProtective(entries: readonly Entry[]): boolean {
  return entries.some(({ type }) => type === protectiveType);
}

/**
 * The table whose first sector has these entries. They count in logical sectors, as for blkid, the kernel and systemd
 * 262; files have none, and count in 512 bytes.
 * @throws PortableError InvalidArgs when a partition overlaps another or leaves the medium
 */
export function readMbr(source: BlockSource, entries: readonly Entry[]): MbrTable {
  const { sectorSize = recordSize } = source;
  const partitions = entries.flatMap(({ type, boot, start, sectors }, i): MbrPartition[] => {
    if (type === 0 || sectors === 0) return [];
    const offset = BigInt(start) * BigInt(sectorSize);
    const size = BigInt(sectors) * BigInt(sectorSize);
    return [{ number: i + 1, type, active: boot === 0x80, offset, size }];
  });
  checkPartitions(source, partitions, [BigInt(sectorSize), source.size]);
  return { kind: 'mbr', sectorSize, partitions };
}
