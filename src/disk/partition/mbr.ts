/**
 * The master boot record and the chain of extended boot records: the layout is in libfdisk and the UEFI
 * Specification, section 5.2 "LBA 0 Format".
 */
import type { BlockSource } from '../source.ts';
import { type MbrPartition, type MbrTable, checkPartitions, corruptTable } from './table.ts';

const sectorSize = 512;

/** Byte offsets in a boot record. */
const record = { entries: 446, signature: 510 } as const;

/** Byte offsets in one of its four entries. */
const entry = { size: 16, boot: 0, type: 4, start: 8, sectors: 12 } as const;

/** The type of the one partition of a medium that really has a GPT. */
const protectiveType = 0xee;

/** Types of partitions that hold a chain of further partitions. */
const extendedTypes = [0x05, 0x0f, 0x85];

/** Partitions in extended ones are numbered from here. */
const firstLogical = 5;

/** Far more than anyone makes; a chain may also lead in a circle. */
const maxLogical = 60;

interface Entry {
  readonly type: number;
  readonly boot: number;
  /** Sectors. */
  readonly start: number;
  readonly sectors: number;
}

/** The entries of the first sector; undefined when it is no boot record. */
export function readBootRecord(sector: Buffer): readonly Entry[] | undefined {
  if (sector.length < sectorSize || sector.readUInt16LE(record.signature) !== 0xaa55) return undefined;
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
 * The table whose first sector has these entries.
 * @throws PortableError InvalidArgs when a partition overlaps another or leaves the medium, or the chain of
 *   extended boot records is broken
 */
export async function readMbr(source: BlockSource, entries: readonly Entry[]): Promise<MbrTable> {
  const partitions: MbrPartition[] = [];
  for (const [i, each] of entries.entries()) {
    if (extendedTypes.includes(each.type)) partitions.push(...(await readChain(source, each.start)));
    else if (isUsed(each)) partitions.push(partitionOf(each, i + 1, 0));
  }
  checkPartitions(source, partitions, [BigInt(sectorSize), source.size]);
  return { kind: 'mbr', sectorSize, partitions };
}

/** Each extended boot record has one partition, relative to itself, and a pointer, relative to the first one. */
async function readChain(source: BlockSource, first: number): Promise<MbrPartition[]> {
  const partitions: MbrPartition[] = [];
  let at = first;
  for (let records = 0; records < maxLogical; records++) {
    const entries = await readExtendedRecord(source, at);
    const partition = entries.find((each) => isUsed(each) && !extendedTypes.includes(each.type));
    if (partition !== undefined) {
      partitions.push(partitionOf(partition, firstLogical + partitions.length, at));
    }
    const next = entries.find((each) => extendedTypes.includes(each.type));
    if (next === undefined || next.start === 0) return partitions;
    at = first + next.start;
  }
  throw corruptTable(source, `there are more than ${maxLogical} extended boot records`);
}

async function readExtendedRecord(source: BlockSource, at: number): Promise<readonly Entry[]> {
  const offset = BigInt(at) * BigInt(sectorSize);
  if (offset + BigInt(sectorSize) > source.size) {
    throw corruptTable(source, `an extended boot record is at offset ${offset}, beyond the end`);
  }
  const entries = readBootRecord(await source.read(offset, sectorSize));
  if (entries === undefined)
    throw corruptTable(source, `there is no extended boot record at offset ${offset}`);
  return entries;
}

function isUsed({ type, sectors }: Entry): boolean {
  return type !== 0 && sectors > 0;
}

/** @param base the sector that its start counts from */
function partitionOf({ type, boot, start, sectors }: Entry, number: number, base: number): MbrPartition {
  return {
    number,
    type,
    active: boot === 0x80,
    offset: BigInt(base + start) * BigInt(sectorSize),
    size: BigInt(sectors) * BigInt(sectorSize),
  };
}
