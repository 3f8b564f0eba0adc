/**
 * Compressed clusters: a fixed number of a file's blocks, whose compressed bytes are in fewer. Layout: struct
 * compress_data; https://docs.kernel.org/filesystems/f2fs.html ("Compression implementation").
 */
import { type CodecName, decompress } from '../codec/index.ts';
import { Recent } from '../recent.ts';
import { addressesFrom, compressedMark } from './block-map.ts';
import { f2fsCrc, magicNumber } from './checksum.ts';
import type { Compression, Inode } from './inode.ts';
import { type Nodes, hole, reserved } from './nodes.ts';

/** i_compress_algorithm: lzo, lz4, zstd, lzo-rle, of which lzo knows from the first bytes. */
const codecs: readonly CodecName[] = ['lzo', 'lz4', 'zstd', 'lzo'];

/** Before the compressed bytes: how many they are, and their checksum. */
const headerSize = 24;
const header = { length: 0, checksum: 4 } as const;

/** Clusters kept decompressed: files are read from one end to the other. */
const keptClusters = 2;

export class Clusters {
  readonly #nodes: Nodes;
  readonly #recent = new Recent<string, Buffer>(keptClusters);

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  /**
   * The content of the cluster that starts with block `index` of a file; undefined when it is not compressed. Shared: do
   * not write to it.
   * @throws PortableError NotSupported naming an unknown algorithm, InvalidArgs when it is corrupt, LimitsExceeded
   */
  async read(inode: Inode, compression: Compression, index: number): Promise<Buffer | undefined> {
    const { words } = await addressesFrom(this.#nodes, inode, index);
    if (words?.readUInt32LE(0) !== compressedMark) return undefined;
    const addresses = compressedBlocks(words, compression.clusterBlocks);
    return this.#recent.get(`${inode.number}:${index}`, () =>
      this.#expand(inode, compression, index, addresses),
    );
  }

  async #expand(
    inode: Inode,
    compression: Compression,
    index: number,
    addresses: readonly number[],
  ): Promise<Buffer> {
    const { volume } = this.#nodes;
    const { blockSize } = volume.superblock;
    const where = `the compressed cluster at block ${index} of inode ${inode.number}`;
    const codec = codecs[compression.algorithm];
    if (codec === undefined) {
      throw volume.unsupported(
        `the unknown compression algorithm ${compression.algorithm} in inode ${inode.number}`,
      );
    }
    const size = compression.clusterBlocks * blockSize;
    if (size > volume.budget.limits.blockBytes) {
      throw volume.budget.exceeded(
        `clusters of ${size} bytes are larger than ${volume.budget.limits.blockBytes}`,
      );
    }
    const stored = Buffer.alloc(addresses.length * blockSize);
    for (const [block, address] of addresses.entries()) {
      volume.checkMain(address, 1, where);
      await volume.readInto(stored.subarray(block * blockSize, (block + 1) * blockSize), address, 0);
    }
    const length = stored.length === 0 ? 0 : stored.readUInt32LE(header.length);
    if (length === 0 || headerSize + length > stored.length) {
      throw volume.corrupt(`${where} has ${length} bytes in ${addresses.length} blocks`);
    }
    const data = stored.subarray(headerSize, headerSize + length);
    if (compression.hasChecksums && f2fsCrc(magicNumber, data) !== stored.readUInt32LE(header.checksum)) {
      throw volume.corrupt(`the checksum of ${where} does not match`);
    }
    const offset = BigInt(addresses[0] ?? 0) * BigInt(blockSize) + BigInt(headerSize);
    const content = await decompress(codec, data, { maxOutput: size }, { file: volume.name, offset });
    if (content.length !== size) {
      throw volume.corrupt(`${where} expands to ${content.length} bytes, and should to ${size}`);
    }
    return content;
  }
}

/** The addresses behind the mark, up to the first that is none: what has been saved. */
function compressedBlocks(words: Buffer, clusterBlocks: number): number[] {
  const addresses: number[] = [];
  for (let block = 1; block < clusterBlocks; block++) {
    const address = words.readUInt32LE(block * 4);
    if (address === hole || address === reserved) break;
    addresses.push(address);
  }
  return addresses;
}
