/**
 * Data as they are stored, sector by sector checked against the checksum tree: "On-disk Format", EXTENT_CSUM;
 * https://btrfs.readthedocs.io/en/latest/Checksumming.html
 */
import { type Tree, findFloor } from './btree.ts';
import { copiesOf } from './chunk.ts';
import { BadCopy, firstGood, isMediumError } from './copies.ts';
import { corrupt } from './errors.ts';
import { keyType, objectId } from './format.ts';
import { findRoot } from './roots.ts';
import type { Volume } from './volume.ts';

/** Bytes asked of the source at once, so that a large read does not need twice its memory. */
const readChunk = 1024 * 1024;

/** A range of logical addresses, both ends at the start of a sector. */
export interface DataRange {
  readonly address: bigint;
  /** Bytes. */
  readonly length: number;
  /** False where the file has no checksums. */
  readonly isChecked: boolean;
  /** Whose data they are, for error messages: "inode 257 of subvolume 5"; and where in it they begin. */
  readonly owner: string;
  readonly offset: bigint;
}

/**
 * The bytes in pieces, in order. A sector that does not match its checksum is taken from the second copy, where there is one.
 * @throws PortableError InvalidArgs naming file and offset when no copy matches
 */
export async function* readData(volume: Volume, range: DataRange): AsyncGenerator<Buffer, void> {
  for (let done = 0; done < range.length; done += readChunk) {
    volume.budget.checkTime();
    const length = Math.min(readChunk, range.length - done);
    const [address, offset] = [range.address + BigInt(done), range.offset + BigInt(done)];
    yield await readPiece(volume, { ...range, address, offset, length });
  }
}

async function readPiece(volume: Volume, range: DataRange): Promise<Buffer> {
  const { source, findChunk } = volume;
  const copies = await copiesOf(source.name, findChunk, range.address, range.length);
  const read = (physical: bigint) => source.read(physical, range.length);
  if (!range.isChecked) return firstGood(copies, read);
  const checksums = await readChecksums(volume, range);
  return firstGood(copies, async (physical) => {
    const bytes = await read(physical);
    const bad = badSectors(volume, bytes, checksums);
    for (const sector of bad) await repair(volume, { range, copies, physical, bytes, checksums, sector });
    return bytes;
  });
}

interface Repair {
  readonly range: DataRange;
  readonly copies: readonly bigint[];
  /** The copy that `bytes` are, in which this sector is bad. */
  readonly physical: bigint;
  readonly bytes: Buffer;
  readonly checksums: Buffer;
  readonly sector: number;
}

/** Puts the sector of another copy in the place of a bad one. */
async function repair(
  volume: Volume,
  { range, copies, physical, bytes, checksums, sector }: Repair,
): Promise<void> {
  const { source, superblock } = volume;
  const { sectorSize, checksum } = superblock;
  const start = sector * sectorSize;
  const expected = checksums.subarray(sector * checksum.size, (sector + 1) * checksum.size);
  for (const copy of copies) {
    if (copy === physical) continue;
    const other = await readSector(volume, copy + BigInt(start));
    if (other === undefined || !checksum.digest(other).equals(expected)) continue;
    other.copy(bytes, start);
    return;
  }
  const refusal = corrupt(
    source.name,
    `the data of ${range.owner} at ${range.offset + BigInt(start)} (offset ${physical + BigInt(start)}) do not match their ${checksum.name} checksum`,
  );
  throw new BadCopy(refusal);
}

/** A sector of another copy, unless the medium fails there as well. */
async function readSector({ source, superblock }: Volume, physical: bigint): Promise<Buffer | undefined> {
  try {
    return await source.read(physical, superblock.sectorSize);
  } catch (error) {
    if (isMediumError(error)) return undefined;
    throw error;
  }
}

function badSectors({ superblock }: Volume, bytes: Buffer, checksums: Buffer): number[] {
  const { sectorSize, checksum } = superblock;
  const bad: number[] = [];
  for (let sector = 0; sector * sectorSize < bytes.length; sector++) {
    const digest = checksum.digest(bytes.subarray(sector * sectorSize, (sector + 1) * sectorSize));
    const at = sector * checksum.size;
    if (!digest.equals(checksums.subarray(at, at + checksum.size))) bad.push(sector);
  }
  return bad;
}

/** The checksums of all sectors of the range, one after the other. */
async function readChecksums(volume: Volume, range: DataRange): Promise<Buffer> {
  const { sectorSize, checksum } = volume.superblock;
  const tree = await checksumTree(volume);
  const wanted = range.length / sectorSize;
  const parts: Buffer[] = [];
  for (let sector = 0; sector < wanted;) {
    const address = range.address + BigInt(sector * sectorSize);
    const key = { objectId: objectId.extentChecksum, type: keyType.extentChecksum, offset: address };
    const item = await findFloor(tree, key);
    const found =
      item?.key.objectId === key.objectId && item.key.type === key.type
        ? item.data.subarray(Number((address - item.key.offset) / BigInt(sectorSize)) * checksum.size)
        : Buffer.alloc(0);
    const count = Math.min(Math.floor(found.length / checksum.size), wanted - sector);
    if (count === 0) {
      const offset = range.offset + BigInt(sector * sectorSize);
      throw corrupt(volume.source.name, `the data of ${range.owner} at ${offset} have no checksum`);
    }
    parts.push(found.subarray(0, count * checksum.size));
    sector += count;
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

async function checksumTree(volume: Volume): Promise<Tree> {
  const root = await findRoot(volume, objectId.checksumTree);
  if (root === undefined) throw corrupt(volume.source.name, 'it has no checksum tree');
  return root.tree;
}
