/** Directories: entries of 32 bytes, in a chain of clusters or in the place that FAT12 and FAT16 have for the root. */
import type { PortableError } from '../../base/errors.ts';
import { slotSize } from './boot-sector.ts';
import { ClusterChain } from './chain.ts';
import { LongName } from './long-name.ts';
import { shortName, shortNameSize } from './short-name.ts';
import { fatTime } from './time.ts';
import { type Volume, pageSize } from './volume.ts';

/** Fields of an entry, bytes from its start. */
const at = {
  attributes: 11,
  caseFlags: 12,
  clusterHigh: 20,
  time: 22,
  date: 24,
  clusterLow: 26,
  size: 28,
} as const;

const readOnlyBit = 0x01;
const labelBit = 0x08;
const directoryBit = 0x10;
/** All four of read-only, hidden, system and label: a part of a long name, whatever else is set. */
const longNameBits = 0x0f;
const attributeBits = 0x3f;

const deletedMark = 0xe5;

/** Bytes of a directory: 65,536 entries. */
const maxDirectorySize = 65_536 * slotSize;

const dot = `.${' '.repeat(10)}`;
const dotDot = `..${' '.repeat(9)}`;

/** A file or directory as its entry has it. */
export interface Entry {
  /** Where the entry is, in units of 32 bytes from the start of the file system; nothing else is unique to a file. */
  readonly position: bigint;
  /** The long one, if there is one. */
  readonly name: string;
  /** The short one, by which it can be looked up as well. */
  readonly alias: string;
  readonly isDirectory: boolean;
  readonly isReadOnly: boolean;
  /** 0: there are none, as the file is empty. */
  readonly cluster: number;
  /** Bytes; 0 for directories. */
  readonly size: number;
  /** Seconds since the epoch. */
  readonly mtime: bigint;
}

/** Where a directory is: undefined for the root. */
export type DirectoryPlace = Pick<Entry, 'position' | 'cluster'> | undefined;

/**
 * The entries of a directory, in the order stored; labels, '.' and '..' left out.
 * @throws PortableError InvalidArgs when it is corrupt, LimitsExceeded
 */
export async function* entriesOf(volume: Volume, place: DirectoryPlace): AsyncGenerator<Entry> {
  const longName = new LongName();
  for await (const { bytes, offset } of piecesOf(volume, place)) {
    for (let start = 0; start + slotSize <= bytes.length; start += slotSize) {
      const slot = bytes.subarray(start, start + slotSize);
      const first = slot.readUInt8(0);
      // nothing has ever been behind it
      if (first === 0) return;
      const attributes = slot.readUInt8(at.attributes) & attributeBits;
      if (first === deletedMark) longName.drop();
      else if (attributes === longNameBits) longName.add(slot);
      else if ((attributes & labelBit) !== 0 || isDots(slot)) longName.drop();
      else yield parseEntry(volume, slot, longName, (offset + BigInt(start)) / BigInt(slotSize));
    }
  }
}

function isDots(slot: Buffer): boolean {
  const name = slot.toString('latin1', 0, shortNameSize);
  return name === dot || name === dotDot;
}

function parseEntry(volume: Volume, slot: Buffer, longName: LongName, position: bigint): Entry {
  const stored = slot.subarray(0, shortNameSize);
  const attributes = slot.readUInt8(at.attributes);
  const alias = shortName(stored, slot.readUInt8(at.caseFlags));
  const name = longName.take(stored) ?? alias;
  if (!isName(name) || !isName(alias)) throw badName(volume, position);
  const isDirectory = (attributes & directoryBit) !== 0;
  // FAT12 and FAT16 have something else in the upper half
  const high = volume.geometry.bits === 32 ? slot.readUInt16LE(at.clusterHigh) & 0x0fff : 0;
  return {
    position,
    name,
    alias,
    isDirectory,
    isReadOnly: (attributes & readOnlyBit) !== 0,
    cluster: high * 0x1_0000 + slot.readUInt16LE(at.clusterLow),
    size: isDirectory ? 0 : slot.readUInt32LE(at.size),
    mtime: fatTime(slot.readUInt16LE(at.date), slot.readUInt16LE(at.time)),
  };
}

function isName(name: string): boolean {
  return name !== '' && !/[/\0]/.test(name) && name !== '.' && name !== '..';
}

function badName(volume: Volume, position: bigint): PortableError {
  return volume.corrupt(
    `the directory entry at offset ${position * BigInt(slotSize)} has an impossible name`,
  );
}

/** Bytes of a directory, and where they are in the file system. */
interface DirectoryPiece {
  readonly bytes: Buffer;
  readonly offset: bigint;
}

async function* piecesOf(volume: Volume, place: DirectoryPlace): AsyncGenerator<DirectoryPiece> {
  const { root } = volume.geometry;
  if (place === undefined && 'offset' in root) {
    yield* pagesOf(volume, root.offset, root.size);
    return;
  }
  const cluster = place?.cluster ?? ('cluster' in root ? root.cluster : 0);
  const owner = place === undefined ? 'the root directory' : ownerName(place.position);
  const chain = new ClusterChain(volume, owner, cluster);
  for (let done = 0; ;) {
    const piece = await chain.piece(done);
    if (piece === undefined) return;
    done += piece.length;
    if (done > maxDirectorySize) {
      throw volume.corrupt(`${owner} is a directory of more than ${maxDirectorySize} bytes`);
    }
    yield* pagesOf(volume, volume.clusterOffset(piece.cluster), piece.length);
  }
}

async function* pagesOf(volume: Volume, offset: bigint, size: number): AsyncGenerator<DirectoryPiece> {
  for (let index = 0; index * pageSize < size; index++) {
    volume.budget.checkTime();
    const page = await volume.page(offset, index);
    yield {
      bytes: page.subarray(0, size - index * pageSize),
      offset: offset + BigInt(index) * BigInt(pageSize),
    };
  }
}

/** What error messages call a file: names are known only to who has come from the root. */
export function ownerName(position: bigint): string {
  return `the file with the directory entry at offset ${position * BigInt(slotSize)}`;
}
