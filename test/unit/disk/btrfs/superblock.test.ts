/** Corrupt superblocks and chunks of btrfs: the error says what and where. */
import { describe, it } from 'node:test';
import { type Place } from '../../../support/btrfs-edit.ts';
import { btrfsFixture } from '../../../support/btrfs-fixtures.ts';
import { failsWith } from '../../../support/fails-with.ts';
import { open, set8, set16, set32, set64, refuses, itemOf, sb } from './cases.ts';

describe('a corrupt superblock of btrfs', () => {
  refuses([
    {
      what: 'with a wrong checksum',
      change: (b) => set8(b, sb(0x12b), 1),
      leaveChecksums: true,
      message: /the superblock's checksum is [0-9a-f]{8}, its bytes give [0-9a-f]{8} \(crc32c\)/,
    },
    { what: 'without magic', change: (b) => set8(b, sb(0x40), 1), message: /no superblock at offset 65536/ },
    {
      what: 'that is a copy from elsewhere',
      change: (b) => set64(b, sb(0x30), 0x400_0000n),
      message: /the superblock at offset 65536 is that of 67108864/,
    },
    {
      what: 'of a larger device',
      change: (b) => set64(b, sb(0xd1), 2n ** 40n),
      message: /the superblock says 1099511627776 bytes, there are 20971520/,
    },
    {
      what: 'with a tree of level 8',
      change: (b) => set8(b, sb(0xc6), 8),
      message: /the root tree has level 8/,
    },
    {
      what: 'with too many system chunks',
      change: (b) => set32(b, sb(0xa0), 4000),
      message: /4000 bytes of system chunks/,
    },
    {
      what: 'with system chunks that are cut off',
      change: (b) => set32(b, sb(0xa0), 70),
      message: /its system chunks are cut off/,
    },
    {
      what: 'with something else among the system chunks',
      change: (b) => set8(b, sb(0x32b + 8), 1),
      message: /\(256 1 \d+\) is among its system chunks/,
    },
    {
      what: 'whose root tree is in no chunk',
      change: (b) => set64(b, sb(0x50), 2n ** 60n),
      message: /the logical address 1152921504606846976 is in no chunk/,
    },
    {
      what: 'whose root tree is between two blocks',
      change: (b) => set64(b, sb(0x50), b.readBigUInt64LE(sb(0x50)) + 1n),
      message: /a tree block would be at the logical address \d+/,
    },
    {
      what: 'of a later generation than its root tree',
      change: (b) => set64(b, sb(0x48), 999n),
      message: /the tree block at \d+ \(offset \d+\) is of generation \d+, not 999/,
    },
  ]);

  it('that is cut off', async () => {
    await failsWith(
      open(btrfsFixture('subvolumes').subarray(0, 0x1_0800)),
      'InvalidArgs',
      /it has 67584 bytes/,
    );
  });
});

describe('corrupt chunks of btrfs', () => {
  /** The chunk item in the superblock, which is all that the chunk tree needs. */
  const chunk = sb(0x32b + 17);
  const dataChunk = (b: Buffer): Place =>
    itemOf(b, 3n, 228, ({ dataAt }) => (b.readBigUInt64LE(dataAt + 24) & 1n) === 1n);
  refuses([
    { what: 'of no length', change: (b) => set64(b, chunk, 0n), message: /the chunk .* is 0 bytes long/ },
    {
      what: 'with two stripes for one copy',
      change: (b) => {
        set16(b, chunk + 44, 2);
        set32(b, sb(0xa0), 17 + 48 + 64);
      },
      message: /the chunk .* has 2 stripes, not 1/,
    },
    {
      what: 'on another device',
      change: (b) => set64(b, chunk + 48, 7n),
      message: /the chunk .* is on device 7, not on 1/,
    },
    {
      what: 'outside the device',
      change: (b) => set64(b, chunk + 56, 2n ** 50n),
      message: /4096 bytes at offset \d+ are outside its 20971520 bytes/,
    },
    {
      what: 'of a data chunk item that is cut off',
      change: (b) => set16(b, dataChunk(b).dataAt + 44, 9),
      message: /the chunk .* has 80 bytes/,
    },
  ]);
});
