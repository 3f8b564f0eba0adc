/**
 * Fuzz target: the btrfs reader. The images are the fixtures, packed, which the mutations work on. The checksums of superblock
 * and tree blocks are made right on the way to the reader; one image has none over its data, so that what is compressed is
 * reached as well.
 */
import { openBtrfs } from '../../src/disk/btrfs/index.ts';
import type { BlockSource } from '../../src/disk/source.ts';
import {
  type BlockPlace,
  repairChecksum,
  repairChecksums,
  superblockAt,
  treeBlocks,
} from '../support/btrfs-edit.ts';
import { btrfsFixtures, packedBtrfs } from '../support/btrfs-fixtures.ts';
import { blocksOf, packedBlock, unpack, unpackedSource, pack } from '../support/packed-image.ts';
import type { FuzzTarget } from './fuzz.ts';
import type { BaseImage } from './mutate.ts';

export const btrfsTarget: FuzzTarget = {
  name: 'btrfs',
  images: () => Promise.resolve([...btrfsFixtures.map(fixtureImage), uncheckedImage()]),
  open: async (source, budget) => openBtrfs(repairing(await unpackedSource(source)), budget),
};

function fixtureImage(name: (typeof btrfsFixtures)[number]): BaseImage {
  const bytes = packedBtrfs(name);
  return { name, bytes, hot: structures(bytes) };
}

/** Compressed files that are said to have no checksums. */
function uncheckedImage(): BaseImage {
  const packed = packedBtrfs('compressed');
  const image = unpack(packed);
  for (const { places } of treeBlocks(image)) {
    for (const { type, dataAt } of places) if (type === 1) image[dataAt + 64]! |= 1;
  }
  repairChecksums(image);
  const bytes = pack(image, blocksOf(packed).keys());
  return { name: 'compressed, without checksums', bytes, hot: structures(bytes) };
}

/** Superblock, headers, keys and items; each by itself, so that small ones are hit as often as large ones. */
function structures(packed: Buffer): (readonly [number, number])[] {
  const image = unpack(packed);
  const places = blocksOf(packed);
  const range = (at: number, size: number): readonly [number, number] => {
    const start = (places.get(Math.floor(at / packedBlock)) ?? 0) + (at % packedBlock);
    return [start, start + size];
  };
  const ofBlock = (block: BlockPlace): (readonly [number, number])[] => [
    range(block.at + 32, 69),
    ...block.places.flatMap(({ at, dataAt, size }) => [range(at, 33), range(dataAt, Math.min(size, 256))]),
  ];
  const superblock = [range(superblockAt + 32, 0x100), range(superblockAt + 0x32b, 0x100)];
  return [...superblock, ...superblock, ...superblock, ...treeBlocks(image).flatMap(ofBlock)];
}

/** Tree blocks are read whole, and known by the identifier of the file system. */
function repairing(source: BlockSource): BlockSource {
  let id: Buffer | undefined;
  return {
    ...source,
    get bytesRead() {
      return source.bytesRead;
    },
    async read(offset, length) {
      const bytes = await source.read(offset, length);
      const isSuperblock = offset === BigInt(superblockAt) && length === packedBlock;
      if (isSuperblock) id = Buffer.from(bytes.subarray(0x20, 0x30));
      const isBlock = id !== undefined && length >= packedBlock && id.equals(bytes.subarray(0x20, 0x30));
      if (isSuperblock || isBlock) repairChecksum(bytes, 0, length);
      return bytes;
    },
  };
}
