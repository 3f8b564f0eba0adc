/**
 * Block group descriptors: where each group has its inode table.
 * Layout: https://docs.kernel.org/filesystems/ext4/group_descr.html, where they are kept:
 * https://docs.kernel.org/filesystems/ext4/blockgroup.html ("Meta Block Groups")
 */
import { crc16, crc32c } from '../crc.ts';
import { joined, le32, u16, u32 } from './fields.ts';
import type { Superblock } from './superblock.ts';
import { superblockOffset } from './superblock-layout.ts';
import type { Volume } from './volume.ts';

const layout = {
  inodeTableLow: u32(0x8),
  checksum: u16(0x1e),
  /** With the 64bit feature only. */
  inodeTableHigh: u32(0x28),
} as const;
const checksumAt = { start: 0x1e, end: 0x20 } as const;

/**
 * The first block of the inode table of a group.
 * @throws PortableError InvalidArgs when the descriptor's checksum is wrong or the table is not in the file system
 */
export async function inodeTable(volume: Volume, group: number): Promise<number> {
  const { superblock } = volume;
  const perBlock = superblock.blockSize / superblock.descriptorSize;
  const index = Math.floor(group / perBlock);
  const number = descriptorBlock(superblock, index);
  const block = await volume.block(number, { key: 'groups', what: `group descriptor block ${index}` });
  const start = (group % perBlock) * superblock.descriptorSize;
  const bytes = block.subarray(start, start + superblock.descriptorSize);
  if (!checksumMatches(superblock, group, bytes)) {
    throw volume.corrupt(`the checksum of group descriptor ${group} (block ${number}) does not match`);
  }
  const high = superblock.features.has('64bit') ? layout.inodeTableHigh(bytes) : 0;
  const table = joined(layout.inodeTableLow(bytes), high);
  const tableBlocks = Math.ceil((superblock.inodesPerGroup * superblock.inodeSize) / superblock.blockSize);
  volume.checkBlocks(table, tableBlocks, `the inode table of group ${group}`);
  return table;
}

/**
 * The block that holds the descriptors number `index` × (descriptors per block) and on: behind the superblock, or
 * with meta_bg at the start of the first group that they describe.
 */
function descriptorBlock(superblock: Superblock, index: number): number {
  const { features, blockSize, firstDataBlock, blocksPerGroup } = superblock;
  if (!features.has('meta_bg') || index < superblock.firstMetaGroup) {
    return Math.floor(superblockOffset / blockSize) + 1 + index;
  }
  const group = index * (blockSize / superblock.descriptorSize);
  const start = firstDataBlock + group * blocksPerGroup;
  // where bigalloc lets the groups of 1 KiB blocks start at 0, the superblock is not in the first of them
  const bootBlock = group === 0 && blockSize === 1024 && firstDataBlock === 0 ? 1 : 0;
  return start + bootBlock + (hasSuperblock(superblock, group) ? 1 : 0);
}

/** Whether a group starts with a superblock (or a copy). */
function hasSuperblock(superblock: Superblock, group: number): boolean {
  const { features } = superblock;
  if (group === 0) return true;
  if (features.has('sparse_super2')) return superblock.backupGroups.includes(group);
  if (group === 1 || !features.has('sparse_super')) return true;
  return [3, 5, 7].some((base) => isPower(group, base));
}

function isPower(value: number, base: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}

function checksumMatches(superblock: Superblock, group: number, bytes: Buffer): boolean {
  if (superblock.features.has('metadata_csum')) {
    const start = crc32c(superblock.checksumSeed, le32(group));
    const before = crc32c(start, bytes, 0, checksumAt.start);
    const crc = crc32c(crc32c(before, Buffer.alloc(2)), bytes, checksumAt.end);
    return (crc & 0xffff) === layout.checksum(bytes);
  }
  if (superblock.features.has('uninit_bg')) {
    const start = crc16(crc16(0xffff, superblock.uuid), le32(group));
    const before = crc16(start, bytes, 0, checksumAt.start);
    return crc16(before, bytes, checksumAt.end) === layout.checksum(bytes);
  }
  return true;
}
