/** Writing a disk image with a GUID partition table: UEFI Specification, chapter 5 "GUID Partition Table (GPT) Disk Layout". */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { fileError } from '../../base/errors.ts';

export interface NewPartition {
  /** UUIDs in lower case, with dashes. */
  readonly type: string;
  readonly uuid: string;
  /** At most 36 characters. */
  readonly label: string;
  /** Bits of the entry's attributes. */
  readonly attributes: bigint;
  /** A file that it is filled with, or the bytes. */
  readonly content: string | Buffer;
  /** Bytes of the content. */
  readonly size: number;
}

const sector = 512;
/** Where partitions start, bytes: what every partitioning tool does. */
const alignment = 1024 * 1024;
const entryCount = 128;
const entrySize = 128;
const arrayBytes = entryCount * entrySize;
const headerBytes = 92;

/** How much is copied at a time, bytes. */
const pieceBytes = 1024 * 1024;

interface Placed extends NewPartition {
  /** Sectors; both belong to the partition. */
  readonly first: number;
  readonly last: number;
}

/**
 * Writes a new file: protective boot record, table, partitions in the order given, backup of the table.
 * @throws PortableError of the file system
 */
export async function writeGpt(
  file: string,
  diskUuid: string,
  partitions: readonly NewPartition[],
  signal: AbortSignal,
): Promise<void> {
  const placed = place(partitions);
  const end = (placed.at(-1)?.last ?? alignment / sector - 1) + 1;
  // room for the backup, and a whole number of pages
  const sectors = roundUp(end * sector + arrayBytes + sector, 4096) / sector;
  try {
    const handle = await open(file, 'wx', 0o644);
    try {
      await handle.truncate(sectors * sector);
      for (const partition of placed) await fill(handle, partition, signal);
      await writeTable(handle, diskUuid, placed, sectors);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, 'write', file);
  }
}

function place(partitions: readonly NewPartition[]): Placed[] {
  let next = alignment;
  return partitions.map((partition) => {
    const first = next / sector;
    const last = first + Math.ceil(partition.size / sector) - 1;
    next = roundUp((last + 1) * sector, alignment);
    return { ...partition, first, last };
  });
}

async function fill(handle: FileHandle, { content, first }: Placed, signal: AbortSignal): Promise<void> {
  let position = first * sector;
  if (typeof content !== 'string') {
    await writeAt(handle, content, position);
    return;
  }
  const from = await open(content).catch((error: unknown) => {
    throw fileError(error, 'read', content);
  });
  try {
    const buffer = Buffer.alloc(pieceBytes);
    for (let offset = 0; ;) {
      signal.throwIfAborted();
      const { bytesRead } = await from.read(buffer, 0, pieceBytes, offset);
      if (bytesRead === 0) return;
      await writeAt(handle, buffer.subarray(0, bytesRead), position);
      offset += bytesRead;
      position += bytesRead;
    }
  } finally {
    await from.close();
  }
}

async function writeTable(
  handle: FileHandle,
  diskUuid: string,
  partitions: readonly Placed[],
  sectors: number,
): Promise<void> {
  const array = Buffer.concat(partitions.map(entry), arrayBytes);
  const arraySectors = arrayBytes / sector;
  const fields = { diskUuid, array, first: 2 + arraySectors, last: sectors - arraySectors - 2 };
  const backup = sectors - 1;
  await writeAt(handle, protectiveRecord(sectors), 0);
  await writeAt(handle, header({ ...fields, own: 1, other: backup, arrayAt: 2 }), sector);
  await writeAt(handle, array, 2 * sector);
  const arrayAt = backup - arraySectors;
  await writeAt(handle, array, arrayAt * sector);
  await writeAt(handle, header({ ...fields, own: backup, other: 1, arrayAt }), backup * sector);
}

/** A master boot record with one partition of type 0xee over everything, for programs that know no GPT. */
function protectiveRecord(sectors: number): Buffer {
  const record = Buffer.alloc(sector);
  record.set([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff], 446);
  record.writeUInt32LE(1, 454);
  record.writeUInt32LE(Math.min(sectors - 1, 0xffff_ffff), 458);
  record.writeUInt16LE(0xaa55, 510);
  return record;
}

interface HeaderFields {
  readonly diskUuid: string;
  readonly array: Buffer;
  /** Sectors. */
  readonly first: number;
  readonly last: number;
  readonly own: number;
  readonly other: number;
  readonly arrayAt: number;
}

function header({ diskUuid, array, first, last, own, other, arrayAt }: HeaderFields): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.write('EFI PART', 0, 'latin1');
  bytes.writeUInt32LE(0x1_0000, 8);
  bytes.writeUInt32LE(headerBytes, 12);
  bytes.writeBigUInt64LE(BigInt(own), 24);
  bytes.writeBigUInt64LE(BigInt(other), 32);
  bytes.writeBigUInt64LE(BigInt(first), 40);
  bytes.writeBigUInt64LE(BigInt(last), 48);
  bytes.set(guid(diskUuid), 56);
  bytes.writeBigUInt64LE(BigInt(arrayAt), 72);
  bytes.writeUInt32LE(entryCount, 80);
  bytes.writeUInt32LE(entrySize, 84);
  bytes.writeUInt32LE(crc32(array), 88);
  // its own checksum counts as 0
  bytes.writeUInt32LE(crc32(bytes), 16);
  return bytes;
}

function entry({ type, uuid, first, last, attributes, label }: Placed): Buffer {
  const bytes = Buffer.alloc(entrySize);
  bytes.set(guid(type), 0);
  bytes.set(guid(uuid), 16);
  bytes.writeBigUInt64LE(BigInt(first), 32);
  bytes.writeBigUInt64LE(BigInt(last), 40);
  bytes.writeBigUInt64LE(attributes, 48);
  bytes.write(label.slice(0, 36), 56, 'utf16le');
  return bytes;
}

/** The first three fields are little-endian (UEFI Specification, appendix A). */
function guid(uuid: string): Buffer {
  const [a = '', b = '', c = '', ...rest] = uuid.split('-');
  const swapped = [a, b, c].map((field) => Buffer.from(field, 'hex').reverse());
  return Buffer.concat([...swapped, Buffer.from(rest.join(''), 'hex')]);
}

function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

/** write(2) may take less at a time. */
async function writeAt(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
