/** Changing btrfs images byte by byte, and making their checksums right again; those of crc32c only. */
import { crc32c } from '../../src/disk/crc.ts';

/** Where the superblock is. */
export const superblockAt = 0x1_0000;

const superblockBytes = 4096;
const headerBytes = 101;
const itemBytes = 25;
const pointerBytes = 33;

/** An item of a leaf, or a pointer, by where it is in the image. */
export interface Place {
  readonly objectId: bigint;
  readonly type: number;
  readonly offset: bigint;
  /** Of its key. */
  readonly at: number;
  /** Of its data; of a pointer: of the address. */
  readonly dataAt: number;
  readonly size: number;
}

export interface BlockPlace {
  readonly at: number;
  readonly level: number;
  /** The tree. */
  readonly owner: bigint;
  readonly places: readonly Place[];
}

/** The tree blocks in the bytes of an image that is as it was made. */
export function treeBlocks(image: Buffer): BlockPlace[] {
  return blockOffsets(image).map((at) => {
    const level = image.readUInt8(at + 100);
    const count = image.readUInt32LE(at + 96);
    const stride = level === 0 ? itemBytes : pointerBytes;
    const places = Array.from({ length: count }, (_, i) =>
      placeAt(image, at, level, at + headerBytes + i * stride),
    );
    return { at, level, owner: image.readBigUInt64LE(at + 88), places };
  });
}

function placeAt(image: Buffer, block: number, level: number, at: number): Place {
  const isItem = level === 0;
  return {
    objectId: image.readBigUInt64LE(at),
    type: image.readUInt8(at + 8),
    offset: image.readBigUInt64LE(at + 9),
    at,
    dataAt: isItem ? block + headerBytes + image.readUInt32LE(at + 17) : at + 17,
    size: isItem ? image.readUInt32LE(at + 21) : 16,
  };
}

/** Makes the checksums of the superblock and of all tree blocks right. */
export function repairChecksums(image: Buffer): void {
  for (const at of blockOffsets(image)) repairChecksum(image, at, nodeSize(image));
  repairChecksum(image, superblockAt, superblockBytes);
}

/** Makes the checksum right that the `length` bytes at `at` start with. */
export function repairChecksum(bytes: Buffer, at: number, length: number): void {
  bytes.writeUInt32LE(~crc32c(0xffff_ffff, bytes, at + 32, at + length) >>> 0, at);
}

/** Where there is a tree block; the superblock looks like one, too. */
function blockOffsets(image: Buffer): number[] {
  const id = image.subarray(superblockAt + 0x20, superblockAt + 0x30);
  const found: number[] = [];
  for (let at = 0; at + nodeSize(image) <= image.length; at += 4096) {
    if (at !== superblockAt && id.equals(image.subarray(at + 0x20, at + 0x30))) found.push(at);
  }
  return found;
}

function nodeSize(image: Buffer): number {
  return image.readUInt32LE(superblockAt + 0x94);
}
