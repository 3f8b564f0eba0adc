/** Writes partition tables in memory, good ones and bad ones; what sfdisk writes is read in the integration tests. */
import { crc32 } from 'node:zlib';

export interface GptEntry {
  /** UUIDs with dashes. */
  readonly type: string;
  readonly uuid?: string;
  readonly label?: string;
  readonly attributes?: bigint;
  /** Sectors; both belong to the partition. */
  readonly first: number;
  readonly last: number;
}

export interface GptOptions {
  readonly sectorSize?: number;
  /** Sectors of the whole medium. */
  readonly sectors?: number;
  readonly entrySize?: number;
  readonly entryCount?: number;
}

export const types = {
  root: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
  rootVerity: '2c7357ed-ebd2-46d9-aec1-23d437ec2bf5',
  rootSignature: '41092b05-9fc8-4523-994f-2def0408b176',
  usr: '8484680c-9521-48c6-9c11-b0720656f69e',
  usrVerity: '77ff5f63-e7b6-4633-acf4-1565b864c0e6',
  usrSignature: 'e7bb33fb-06cf-4e81-8273-e543b413e2e2',
  x86Root: '44479540-f297-41b2-9af7-d131d5f0458a',
  armRoot: 'b921b045-1df0-41c3-af44-4c6f280d3fae',
  armUsr: 'b0e01050-ee5f-4390-949a-9101b17104e9',
  riscvRoot: '72ec70a6-cf74-40e6-bd49-4bda08e8f224',
  generic: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  home: '933ac7e1-2eb4-4f13-b844-0e14e2aef915',
  srv: '3b8f8425-20e0-4f3b-907f-1a25a76f98e8',
  swap: '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f',
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  xbootldr: 'bc13c2ff-59e6-4262-a352-b275fd6f7172',
} as const;

/** The sectors of a header that tests bend: 1 is the first header's; the last of the medium the backup's. */
export interface GptMedium {
  readonly bytes: Buffer;
  readonly sectorSize: number;
  readonly sectors: number;
  /** Bytes. */
  readonly primary: number;
  readonly backup: number;
}

/** A medium with a protective boot record, a GPT and its backup, and nothing in its partitions. */
export function writeGpt(entries: readonly GptEntry[], options: GptOptions = {}): GptMedium {
  const { sectorSize = 512, sectors = 256, entrySize = 128, entryCount = 128 } = options;
  const arraySectors = Math.ceil((entrySize * entryCount) / sectorSize);
  const bytes = Buffer.alloc(sectors * sectorSize);
  bytes.set(bootRecord([{ type: 0xee, start: 1, sectors: sectors - 1 }]));
  const array = Buffer.alloc(entrySize * entryCount);
  for (const [i, entry] of entries.entries()) array.set(gptEntry(entry), i * entrySize);
  const common = { entrySize, entryCount, first: 2 + arraySectors, last: sectors - 2 - arraySectors };
  const arrays = { primary: 2, backup: sectors - 1 - arraySectors };
  bytes.set(array, arrays.primary * sectorSize);
  bytes.set(array, arrays.backup * sectorSize);
  bytes.set(gptHeader({ ...common, own: 1, other: sectors - 1, array: arrays.primary }, array), sectorSize);
  const backup = (sectors - 1) * sectorSize;
  bytes.set(gptHeader({ ...common, own: sectors - 1, other: 1, array: arrays.backup }, array), backup);
  return { bytes, sectorSize, sectors, primary: sectorSize, backup };
}

/** Makes the checksum of the header at `offset` fit its bytes again. */
export function repairHeader(bytes: Buffer, offset: number): void {
  const header = bytes.subarray(offset, offset + 92);
  header.writeUInt32LE(0, 16);
  header.writeUInt32LE(crc32(header), 16);
}

interface HeaderFields {
  readonly own: number;
  readonly other: number;
  readonly array: number;
  readonly first: number;
  readonly last: number;
  readonly entrySize: number;
  readonly entryCount: number;
}

function gptHeader(fields: HeaderFields, array: Buffer): Buffer {
  const header = Buffer.alloc(92);
  header.write('EFI PART');
  header.writeUInt32LE(0x1_0000, 8);
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(BigInt(fields.own), 24);
  header.writeBigUInt64LE(BigInt(fields.other), 32);
  header.writeBigUInt64LE(BigInt(fields.first), 40);
  header.writeBigUInt64LE(BigInt(fields.last), 48);
  header.set(guid('00112233-4455-6677-8899-aabbccddeeff'), 56);
  header.writeBigUInt64LE(BigInt(fields.array), 72);
  header.writeUInt32LE(fields.entryCount, 80);
  header.writeUInt32LE(fields.entrySize, 84);
  header.writeUInt32LE(crc32(array), 88);
  repairHeader(header, 0);
  return header;
}

function gptEntry(entry: GptEntry): Buffer {
  const bytes = Buffer.alloc(128);
  bytes.set(guid(entry.type));
  bytes.set(guid(entry.uuid ?? '12345678-9abc-def0-1234-56789abcdef0'), 16);
  bytes.writeBigUInt64LE(BigInt(entry.first), 32);
  bytes.writeBigUInt64LE(BigInt(entry.last), 40);
  bytes.writeBigUInt64LE(entry.attributes ?? 0n, 48);
  bytes.write(entry.label ?? '', 56, 72, 'utf16le');
  return bytes;
}

function guid(text: string): Buffer {
  const [a = '', b = '', c = '', ...rest] = text.split('-');
  const swapped = [a, b, c].map((field) => Buffer.from(field, 'hex').reverse());
  return Buffer.concat([...swapped, Buffer.from(rest.join(''), 'hex')]);
}

export interface MbrEntry {
  readonly type: number;
  readonly active?: boolean;
  /** Sectors of 512 bytes. */
  readonly start: number;
  readonly sectors: number;
}

/** A master or extended boot record: 512 bytes. */
export function bootRecord(entries: readonly MbrEntry[]): Buffer {
  const record = Buffer.alloc(512);
  record.writeUInt16LE(0xaa55, 510);
  for (const [i, entry] of entries.entries()) {
    const at = 446 + 16 * i;
    record.writeUInt8(entry.active === true ? 0x80 : 0, at);
    record.writeUInt8(entry.type, at + 4);
    record.writeUInt32LE(entry.start, at + 8);
    record.writeUInt32LE(entry.sectors, at + 12);
  }
  return record;
}

/** A medium of so many sectors that starts with the record. */
export function writeMbr(entries: readonly MbrEntry[], sectors = 256): Buffer {
  const bytes = Buffer.alloc(sectors * 512);
  bytes.set(bootRecord(entries));
  return bytes;
}
