/** The GUID partition table: UEFI Specification, chapter 5 "GUID Partition Table (GPT) Disk Layout". */
import { crc32 } from 'node:zlib';
import type { BlockSource } from '../source.ts';
import { type GptPartition, type GptTable, checkPartitions, corruptTable } from './table.ts';

const signature = Buffer.from('EFI PART');

/** Byte offsets in the header; it is at least 92 bytes long, and as long as `headerSize` says. */
const header = {
  revision: 8,
  headerSize: 12,
  crc: 16,
  ownSector: 24,
  firstUsable: 40,
  lastUsable: 48,
  diskUuid: 56,
  entriesSector: 72,
  entryCount: 80,
  entrySize: 84,
  entriesCrc: 88,
  minSize: 92,
} as const;

/** Byte offsets in an entry; it is at least 128 bytes long. */
const entry = {
  type: 0,
  uuid: 16,
  firstSector: 32,
  lastSector: 40,
  attributes: 48,
  label: 56,
  minSize: 128,
} as const;

/** The most that an array of entries may take, bytes; usual are 16 KiB. */
const maxArrayBytes = 1024 * 1024;

/** 1.0, the only one there is; libblkid and the kernel do not look at it. */
const knownRevision = 0x1_0000;

const sectorSizes = [512, 4096] as const;

/** What is at a place where a header may be. */
type Found = { readonly table: GptTable } | { readonly problem: string } | undefined;

/**
 * The table of a medium whose first sector announces one: the first header if it is good, else the backup in the
 * last sector.
 *
 * @throws PortableError InvalidArgs saying what is wrong with each header when none is good, when there are good
 *   ones for both sector sizes, or when its partitions overlap or leave the medium
 */
export async function readGpt(source: BlockSource): Promise<GptTable> {
  const problems: string[] = [];
  for (const isBackup of [false, true]) {
    const tables: GptTable[] = [];
    for (const sectorSize of sectorSizes) {
      const found = await readHeader(source, sectorSize, isBackup);
      if (found === undefined) continue;
      if ('table' in found) tables.push(found.table);
      else problems.push(found.problem);
    }
    if (tables.length > 1) throw corruptTable(source, 'there are GPTs for sectors of 512 and of 4096 bytes');
    if (tables[0] !== undefined) return tables[0];
  }
  const what =
    problems.length === 0
      ? 'there is no GPT header where the first sector announces one'
      : problems.join('; ');
  throw corruptTable(source, what);
}

/** Whether there is a GPT header, good or not, behind the first sector. */
export async function hasGptHeader(source: BlockSource): Promise<boolean> {
  for (const sectorSize of sectorSizes) {
    if (source.size < BigInt(2 * sectorSize)) continue;
    if (signature.equals(await source.read(BigInt(sectorSize), signature.length))) return true;
  }
  return false;
}

async function readHeader(source: BlockSource, sectorSize: number, isBackup: boolean): Promise<Found> {
  const sectors = source.size / BigInt(sectorSize);
  if (sectors < 3n) return undefined;
  const sector = isBackup ? sectors - 1n : 1n;
  const bytes = await source.read(sector * BigInt(sectorSize), sectorSize);
  if (!signature.equals(bytes.subarray(0, signature.length))) return undefined;
  const where = `the ${isBackup ? 'backup ' : ''}GPT header at offset ${sector * BigInt(sectorSize)}`;
  const problem = headerProblem(bytes, sector, sectors);
  if (problem !== undefined) return { problem: `${where} ${problem}` };
  const array = await readArray(source, bytes, sectorSize);
  if (typeof array === 'string') return { problem: `${where} ${array}` };
  const partitions = readEntries(array, bytes.readUInt32LE(header.entrySize), sectorSize);
  checkPartitions(source, partitions, [
    bytes.readBigUInt64LE(header.firstUsable) * BigInt(sectorSize),
    (bytes.readBigUInt64LE(header.lastUsable) + 1n) * BigInt(sectorSize),
  ]);
  const uuid = formatGuid(bytes.subarray(header.diskUuid, header.diskUuid + 16));
  return { table: { kind: 'gpt', sectorSize, uuid, isBackup, partitions } };
}

/** What is wrong with a header, as it fits after its name. */
function headerProblem(bytes: Buffer, sector: bigint, sectors: bigint): string | undefined {
  const size = bytes.readUInt32LE(header.headerSize);
  if (size < header.minSize || size > bytes.length) return `says it is ${size} bytes long`;
  const checked = Buffer.from(bytes.subarray(0, size));
  checked.writeUInt32LE(0, header.crc);
  if (crc32(checked) !== bytes.readUInt32LE(header.crc)) return 'does not match its checksum';
  const revision = bytes.readUInt32LE(header.revision);
  if (revision !== knownRevision) return `has the unknown revision 0x${revision.toString(16)}`;
  const own = bytes.readBigUInt64LE(header.ownSector);
  if (own !== sector) return `says it is in sector ${own}`;
  const first = bytes.readBigUInt64LE(header.firstUsable);
  const last = bytes.readBigUInt64LE(header.lastUsable);
  if (first > last + 1n) return `says the usable sectors are ${first} to ${last}`;
  if (last >= sectors) return `covers the sectors up to ${last}, but there are only ${sectors}`;
  // sector 0 is the protective boot record, sector 1 the first header
  if (first < 2n || (first <= sector && sector <= last)) return 'leaves the headers to partitions';
  return undefined;
}

/** The array of entries, or what is wrong with it, as it fits after the header's name. */
async function readArray(source: BlockSource, bytes: Buffer, sectorSize: number): Promise<Buffer | string> {
  const size = bytes.readUInt32LE(header.entrySize);
  const count = bytes.readUInt32LE(header.entryCount);
  if (size < entry.minSize || size % 8 !== 0) return `has entries of ${size} bytes`;
  const length = size * count;
  if (count === 0 || length > maxArrayBytes) return `has ${count} entries of ${size} bytes`;
  const offset = bytes.readBigUInt64LE(header.entriesSector) * BigInt(sectorSize);
  if (offset + BigInt(length) > source.size) return `has its entries at offset ${offset}, beyond the end`;
  const array = await source.read(offset, length);
  if (crc32(array) !== bytes.readUInt32LE(header.entriesCrc)) {
    return `has entries at offset ${offset} that do not match their checksum`;
  }
  return array;
}

function readEntries(array: Buffer, entrySize: number, sectorSize: number): GptPartition[] {
  const partitions: GptPartition[] = [];
  for (let at = 0; at + entrySize <= array.length; at += entrySize) {
    const bytes = array.subarray(at, at + entrySize);
    const type = bytes.subarray(entry.type, entry.type + 16);
    // an unused entry
    if (type.every((byte) => byte === 0)) continue;
    const first = bytes.readBigUInt64LE(entry.firstSector);
    const last = bytes.readBigUInt64LE(entry.lastSector);
    partitions.push({
      number: at / entrySize + 1,
      type: formatGuid(type),
      uuid: formatGuid(bytes.subarray(entry.uuid, entry.uuid + 16)),
      label: readLabel(bytes.subarray(entry.label, entry.minSize)),
      attributes: bytes.readBigUInt64LE(entry.attributes),
      offset: first * BigInt(sectorSize),
      size: (last - first + 1n) * BigInt(sectorSize),
    });
  }
  return partitions;
}

/** UTF-16 up to the first NUL; what is not text becomes U+FFFD. */
function readLabel(bytes: Buffer): string {
  const text = bytes.toString('utf16le').split('\0')[0] ?? '';
  return Buffer.from(text).toString();
}

/** A GUID as text; its first three fields are little-endian (UEFI Specification, appendix A). */
function formatGuid(bytes: Buffer): string {
  const fields = [
    Buffer.from(bytes.subarray(0, 4)).reverse(),
    Buffer.from(bytes.subarray(4, 6)).reverse(),
    Buffer.from(bytes.subarray(6, 8)).reverse(),
    bytes.subarray(8, 10),
    bytes.subarray(10, 16),
  ];
  return fields.map((field) => field.toString('hex')).join('-');
}
