/**
 * The sizes and counts of a superblock, each checked against the others and the source: everything that the other
 * files compute with. "XFS Algorithms & Data Structures", chapter "Superblocks".
 */
import type { BlockSource } from '../source.ts';
import { corrupt } from './errors.ts';
import { superblockLayout as layout } from './superblock-layout.ts';

/** Sizes in bytes unless said otherwise. */
export interface Geometry {
  readonly sectorSize: number;
  readonly blockSize: number;
  readonly blocks: number;
  /** Allocation groups, and the blocks of each; the last may have fewer. */
  readonly groups: number;
  readonly groupBlocks: number;
  /** Bits of a block's number within its group. */
  readonly groupBlocksLog: number;
  /** The first block of each group that is not taken by its four headers, of a sector each. */
  readonly firstBlock: number;
  readonly inodeSize: number;
  /** Bits of an inode's number within its block. */
  readonly inodesPerBlockLog: number;
  /** Blocks of a directory's block, and the bytes of it. */
  readonly directoryBlocks: number;
  readonly directoryBlockSize: number;
}

/** log2 of the smallest and the largest: those of version 5, all of which have room for an inode and its checksum. */
const blockLogs = [10, 16] as const;
const sectorLogs = [9, 15] as const;
const inodeLogs = [9, 11] as const;
const maxDirectoryBlockLog = 16;

/** Superblock, and the headers of free space, of inodes and of the free list. */
const groupHeaders = 4;

/** @throws PortableError InvalidArgs for what cannot be true, or a file system that is larger than its source */
export function readGeometry(source: BlockSource, bytes: Buffer): Geometry {
  const expect = (holds: boolean, what: string): void => {
    if (!holds) throw corrupt(source.name, `its superblock has ${what}`);
  };
  const size = (
    value: number,
    log: number,
    [least, most]: readonly [number, number],
    what: string,
  ): number => {
    const isRight = log >= least && log <= most && value === 2 ** log;
    expect(isRight, `${what} of ${value} bytes (2^${log}), expected 2^${least} to 2^${most}`);
    return value;
  };
  const blockLog = layout.blockLog(bytes);
  const blockSize = size(layout.blockSize(bytes), blockLog, blockLogs, 'blocks');
  const sectorSize = size(layout.sectorSize(bytes), layout.sectorLog(bytes), sectorLogs, 'sectors');
  expect(sectorSize <= blockSize, `sectors of ${sectorSize} bytes in blocks of ${blockSize}`);
  const inodeLog = layout.inodeLog(bytes);
  const inodeSize = size(layout.inodeSize(bytes), inodeLog, inodeLogs, 'inodes');
  const inodesPerBlockLog = layout.inodesPerBlockLog(bytes);
  const inodesPerBlock = layout.inodesPerBlock(bytes);
  expect(
    inodesPerBlockLog === blockLog - inodeLog && inodesPerBlock === 2 ** inodesPerBlockLog,
    `${inodesPerBlock} inodes (2^${inodesPerBlockLog}) of ${inodeSize} bytes in blocks of ${blockSize}`,
  );
  const directoryBlockLog = blockLog + layout.directoryBlockLog(bytes);
  expect(directoryBlockLog <= maxDirectoryBlockLog, `directory blocks of 2^${directoryBlockLog} bytes`);
  const groups = layout.groups(bytes);
  const groupBlocks = layout.groupBlocks(bytes);
  const groupBlocksLog = layout.groupBlocksLog(bytes);
  const blocks = layout.blocks(bytes);
  const firstBlock = Math.floor(((groupHeaders - 1) * sectorSize) / blockSize) + 1;
  expect(
    groupBlocks > firstBlock && groupBlocksLog === bitsFor(groupBlocks),
    `groups of ${groupBlocks} blocks, numbered with ${groupBlocksLog} bits`,
  );
  const [most, least] = [BigInt(groups) * BigInt(groupBlocks), BigInt(groups - 1) * BigInt(groupBlocks)];
  expect(
    groups > 0 && blocks <= most && blocks > least,
    `${blocks} blocks in ${groups} groups of ${groupBlocks}`,
  );
  expect(
    blocks * BigInt(blockSize) <= source.size,
    `${blocks} blocks of ${blockSize} bytes, but only ${source.size} bytes are there`,
  );
  return {
    sectorSize,
    blockSize,
    blocks: Number(blocks),
    groups,
    groupBlocks,
    groupBlocksLog,
    firstBlock,
    inodeSize,
    inodesPerBlockLog,
    directoryBlocks: 2 ** layout.directoryBlockLog(bytes),
    directoryBlockSize: 2 ** directoryBlockLog,
  };
}

/** Bits that number `count` things. */
function bitsFor(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}
