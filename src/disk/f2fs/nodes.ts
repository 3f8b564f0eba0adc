/**
 * Nodes: blocks that are found by a number, not by their address. Inodes are nodes, and what they have not enough room
 * for. Layout: struct f2fs_nat_block, struct node_footer; https://docs.kernel.org/filesystems/f2fs.html ("Index
 * Structure").
 */
import type { Checkpoint } from './checkpoint.ts';
import { natEntry, natEntrySize } from './nat-journal.ts';
import { blocksPerSegment } from './superblock.ts';
import type { Volume } from './volume.ts';

/** At the end of each node. */
export const footerSize = 24;
const footer = { node: 0, inode: 4 } as const;

/** Block addresses of what is not there, or not written yet. */
export const hole = 0;
export const reserved = 0xffff_ffff;

export class Nodes {
  readonly volume: Volume;
  readonly #checkpoint: Checkpoint;
  readonly #perBlock: number;

  constructor(volume: Volume, checkpoint: Checkpoint) {
    this.volume = volume;
    this.#checkpoint = checkpoint;
    this.#perBlock = Math.floor(volume.superblock.blockSize / natEntrySize);
  }

  /**
   * The node of that number.
   * @param inode the inode that it belongs to
   * @throws PortableError InvalidArgs when there is none, or it is not what it should be
   */
  async read(number: number, inode: number): Promise<Buffer> {
    const { volume } = this;
    const address = await this.#address(number);
    if (address === hole || address === reserved) throw volume.corrupt(`there is no node ${number}`);
    const block = await volume.mainBlock(address, `node ${number}`);
    const foot = block.length - footerSize;
    const [isNode, isFor] = [block.readUInt32LE(foot + footer.node), block.readUInt32LE(foot + footer.inode)];
    if (isNode !== number || isFor !== inode) {
      throw volume.corrupt(
        `block ${address}, of node ${number} of inode ${inode}, says it is node ${isNode} of inode ${isFor}`,
      );
    }
    return block;
  }

  async #address(number: number): Promise<number> {
    const { volume } = this;
    const { natStart, natBlocks } = volume.superblock;
    const index = Math.floor(number / this.#perBlock);
    if (index >= natBlocks)
      throw volume.corrupt(`there is no node ${number}, only ${natBlocks * this.#perBlock}`);
    const journalled = this.#checkpoint.natJournal.get(number);
    if (journalled !== undefined) return journalled.address;
    // each segment of the table has its second copy right behind it
    const within = index % blocksPerSegment;
    const copy = isSet(this.#checkpoint.natBitmap, index) ? blocksPerSegment : 0;
    const block = await volume.block(natStart + (index - within) * 2 + copy + within);
    return natEntry(block, (number % this.#perBlock) * natEntrySize).address;
  }
}

function isSet(bitmap: Buffer, bit: number): boolean {
  return ((bitmap[bit >>> 3] ?? 0) & (0x80 >>> (bit & 7))) !== 0;
}
