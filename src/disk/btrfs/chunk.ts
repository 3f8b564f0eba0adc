/**
 * Chunks: logical addresses, which everything in the trees has, to places on the device. "On-disk Format", CHUNK_ITEM;
 * https://btrfs.readthedocs.io/en/latest/mkfs.btrfs.html#profiles
 */
import { corrupt, unsupported } from './errors.ts';
import { keyType, objectId, sizeOf } from './format.ts';
import { type Key, keyText, readKey } from './key.ts';
import type { Superblock } from './superblock.ts';

/** A range of logical addresses. */
export interface Chunk {
  readonly start: bigint;
  /** The first address after it. */
  readonly end: bigint;
  /** Where it starts on the device, bytes; two of them when everything is stored twice. */
  readonly copies: readonly bigint[];
}

/** The chunk that a logical address is in. @throws PortableError InvalidArgs when it is in none */
export type FindChunk = (address: bigint) => Promise<Chunk>;

const dup = 1n << 5n;
const raid0 = 1n << 3n;

/** Profiles, by the number of their bit. */
const profiles: Readonly<Record<number, string>> = {
  3: 'raid0',
  4: 'raid1',
  5: 'dup',
  6: 'raid10',
  7: 'raid5',
  8: 'raid6',
  9: 'raid1c3',
  10: 'raid1c4',
};

/** Data, system, metadata. */
const kinds = 7n;

/**
 * The chunk that an item describes.
 * @param image what error messages call it
 * @throws PortableError NotSupported naming a profile over several devices, InvalidArgs
 */
export function readChunk(image: string, superblock: Superblock, key: Key, data: Buffer): Chunk {
  const bad = (what: string) => corrupt(image, `the chunk ${keyText(key)} ${what}`);
  if (data.length < sizeOf.chunk) throw bad(`has ${data.length} bytes`);
  const length = data.readBigUInt64LE(0);
  const type = data.readBigUInt64LE(24);
  const stripes = data.readUInt16LE(44);
  if (data.length !== sizeOf.chunk + stripes * sizeOf.stripe) throw bad(`has ${data.length} bytes`);
  // one stripe of raid0 is as good as none
  const wanted = (type & dup) === 0n ? 1 : 2;
  const profile = type & ~kinds;
  if ((profile !== 0n && profile !== dup && profile !== raid0) || (profile === raid0 && stripes !== 1)) {
    throw unsupported(image, `the profile ${profileName(profile)}; single and dup can be read`);
  }
  if (stripes !== wanted) throw bad(`has ${stripes} stripes, not ${wanted}`);
  if (length === 0n || length % BigInt(superblock.sectorSize) !== 0n) throw bad(`is ${length} bytes long`);
  const copies = Array.from({ length: stripes }, (_, i) => {
    const at = sizeOf.chunk + i * sizeOf.stripe;
    const device = data.readBigUInt64LE(at);
    if (device !== superblock.device) throw bad(`is on device ${device}, not on ${superblock.device}`);
    return data.readBigUInt64LE(at + 8);
  });
  return { start: key.offset, end: key.offset + length, copies };
}

/** The chunks that the superblock itself lists. */
export function readSystemChunks(image: string, superblock: Superblock): Chunk[] {
  const { systemChunks: bytes } = superblock;
  const chunks: Chunk[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at + sizeOf.key;
    if (start + sizeOf.chunk > bytes.length) throw corrupt(image, 'its system chunks are cut off');
    const key = readKey(bytes, at);
    if (key.objectId !== objectId.firstChunkTree || key.type !== keyType.chunkItem) {
      throw corrupt(image, `${keyText(key)} is among its system chunks`);
    }
    const end = start + sizeOf.chunk + bytes.readUInt16LE(start + 44) * sizeOf.stripe;
    if (end > bytes.length) throw corrupt(image, 'its system chunks are cut off');
    chunks.push(readChunk(image, superblock, key, bytes.subarray(start, end)));
    at = end;
  }
  return chunks;
}

/** @returns where `length` bytes from a logical address are on the device, in each copy */
export async function copiesOf(
  image: string,
  findChunk: FindChunk,
  address: bigint,
  length: number,
): Promise<readonly bigint[]> {
  const { start, end, copies } = await findChunk(address);
  if (address < start || address + BigInt(length) > end) {
    throw corrupt(image, `${length} bytes at the logical address ${address} are not all in one chunk`);
  }
  return copies.map((copy) => copy + (address - start));
}

function profileName(profile: bigint): string {
  const bits = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => (profile >> BigInt(bit)) & 1n);
  return bits.map((bit) => profiles[bit] ?? `of the unknown bit ${bit}`).join(' and ');
}
