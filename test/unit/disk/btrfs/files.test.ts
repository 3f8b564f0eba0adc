/** Corrupt inodes, directories and files of btrfs: the error says what and where. */
import { describe } from 'node:test';
import { type Place } from '../../../support/btrfs-edit.ts';
import { type Case, set8, set16, set32, set64, refuses, itemOf, stored } from './cases.ts';

describe('corrupt trees, inodes and entries of btrfs', () => {
  const root = (b: Buffer, id: bigint): Place => itemOf(b, 1n, 132, ({ objectId }) => objectId === id);
  const entry = (b: Buffer, name: string): number => {
    const item = itemOf(b, 5n, 84, ({ dataAt, size }) => b.subarray(dataAt, dataAt + size).includes(name));
    return b.indexOf(name, item.dataAt) - 30;
  };
  refuses([
    {
      what: 'a default subvolume that was deleted',
      change: (b) => set32(b, root(b, 5n).dataAt + 216, 0),
      message: /its default subvolume, 5, is not there/,
    },
    {
      what: 'a tree of level 8',
      change: (b) => set8(b, root(b, 5n).dataAt + 238, 8),
      message: /tree 5 has level 8/,
    },
    {
      what: 'a subvolume whose top is not there',
      change: (b) => set64(b, root(b, 5n).dataAt + 168, 4711n),
      message: /inode 4711 of subvolume 5 is not there/,
    },
    {
      what: 'a subvolume whose top is a file',
      change: (b) => set32(b, itemOf(b, 5n, 1, ({ objectId }) => objectId === 256n).dataAt + 52, 0o100644),
      message: /the top of subvolume 5 is a file/,
    },
    {
      what: 'no checksum tree',
      change: (b) => set32(b, root(b, 7n).dataAt + 216, 0),
      message: /it has no checksum tree/,
    },
    {
      what: 'a size that no file has',
      change: (b) => set64(b, stored(b, 1).dataAt + 16, 2n ** 63n),
      message: /inode \d+ of subvolume 5 has 9223372036854775808 bytes of content/,
    },
    {
      what: 'the target of a symlink',
      change: (b) =>
        set64(
          b,
          itemOf(b, 5n, 1, (place) => b.readUInt32LE(place.dataAt + 52) >>> 12 === 0o12).dataAt + 16,
          5000n,
        ),
      message: /the target of symlink \d+ has 5000 bytes/,
    },
    {
      what: 'a name that is longer than its item',
      change: (b) => set16(b, entry(b, 'stored') + 27, 200),
      message: /the item \(256 84 \d+\) of tree 5 is cut off/,
    },
    {
      what: 'a name of no bytes',
      change: (b) => {
        set16(b, entry(b, 'stored') + 27, 0);
        set16(b, entry(b, 'stored') + 25, 6);
      },
      message: /the item \(256 84 \d+\) of tree 5 has a name of 0 bytes/,
    },
    {
      what: 'a name with a slash',
      change: (b) => {
        const item = itemOf(b, 5n, 96, ({ dataAt, size }) =>
          b.subarray(dataAt, dataAt + size).includes('stored'),
        );
        b.write('sto/ed', item.dataAt + 30);
      },
      message: /the entry 'sto\/ed' in directory 256 of subvolume 5 has a name that no file can have/,
    },
    {
      what: 'an entry that says another kind',
      change: (b) => set8(b, entry(b, 'stored') + 29, 2),
      message: /the entry 'stored' .* is said to be a directory, and is a file/,
    },
    {
      what: 'an entry that leads to no inode',
      change: (b) => set64(b, entry(b, 'stored'), 4711n),
      message: /inode 4711 of subvolume 5 is not there/,
    },
    {
      what: 'an entry that leads to something else',
      change: (b) => set8(b, entry(b, 'stored') + 8, 77),
      message: /the entry 'stored' .* leads to \(\d+ 77 0\)/,
    },
  ]);
});

describe('corrupt files of btrfs', () => {
  const extent = (b: Buffer): number => stored(b, 108).dataAt;
  const inline = (b: Buffer): Place => itemOf(b, 5n, 108, ({ dataAt }) => b.readUInt8(dataAt + 20) === 0);
  const compressed = (b: Buffer, kind: number): Place =>
    itemOf(b, 5n, 108, ({ dataAt }) => b.readUInt8(dataAt + 16) === kind && b.readUInt8(dataAt + 20) === 1);
  const inlineOf = (b: Buffer, kind: number): Place =>
    itemOf(b, 5n, 108, ({ dataAt }) => b.readUInt8(dataAt + 16) === kind && b.readUInt8(dataAt + 20) === 0);
  /** The bytes that an extent has in the image, by its only chunk. */
  const dataAt = (b: Buffer, item: number): number => {
    const address = b.readBigUInt64LE(item + 21);
    const chunk = itemOf(
      b,
      3n,
      228,
      (place) => place.offset <= address && address < place.offset + b.readBigUInt64LE(place.dataAt),
    );
    return Number(address - chunk.offset + b.readBigUInt64LE(chunk.dataAt + 56));
  };
  refuses([
    {
      what: 'an inline extent that is longer than it says',
      change: (b) => set64(b, inline(b).dataAt + 8, 7n),
      message: /the extent at 0 of inode \d+ of subvolume 5 has \d+ bytes for 7 bytes of content/,
    },
    {
      what: 'an extent of no bytes',
      change: (b) => set64(b, extent(b) + 45, 0n),
      message: /the extent at 0 of inode \d+ of subvolume 5 is empty/,
    },
    {
      what: 'an extent at no sector',
      change: (b) => set64(b, extent(b) + 21, b.readBigUInt64LE(extent(b) + 21) + 1n),
      message: /has \d+, which is no multiple of 4096/,
    },
    {
      what: 'an extent that is longer than what is stored',
      change: (b) => set64(b, extent(b) + 37, 8192n),
      message: /is bytes 8192 to 20480 of 12288/,
    },
    {
      what: 'an extent in no chunk',
      change: (b) => set64(b, extent(b) + 21, 2n ** 62n),
      message: /the logical address 4611686018427387904 is in no chunk|have no checksum/,
    },
    {
      what: 'extents that overlap',
      change: (b) => {
        const inode = itemOf(b, 5n, 1, (place) => b.readBigUInt64LE(place.dataAt + 16) === 100_000n).objectId;
        const first = itemOf(b, 5n, 108, ({ objectId }) => objectId === inode).dataAt;
        set64(b, first + 21, 0n);
        set64(b, first + 45, 2n ** 20n);
      },
      message: /the extent at \d+ of inode \d+ of subvolume 5 overlaps with the one that ends at 1048576/,
    },
    {
      what: 'data that were changed',
      change: (b) => set8(b, dataAt(b, extent(b)) + 5000, 1),
      message:
        /the data of inode \d+ of subvolume \d+ at 4096 \(offset \d+\) do not match their crc32c checksum/,
    },
    {
      what: 'data without a checksum',
      change: (b) => {
        const item = itemOf(b, 7n, 128);
        set64(b, item.at + 9, item.offset + 4096n);
      },
      message: /the data of inode \d+ of subvolume \d+ at \d+ have no checksum/,
    },
    {
      what: 'a compressed extent that is too long',
      image: 'compressed',
      change: (b) => set64(b, compressed(b, 1).dataAt + 8, 2n ** 20n),
      message: /has \d+ compressed bytes for 1048576/,
    },
    ...([1, 2, 3] as const).map((kind): Case => {
      const name = ['', 'zlib', 'lzo', 'zstd'][kind]!;
      return {
        what: `${name} in the tree that was changed`,
        image: 'compressed',
        change: (b) => b.fill(0xaa, inlineOf(b, kind).dataAt + 30, inlineOf(b, kind).dataAt + 50),
        message: new RegExp(
          `'foo.raw \\(inline in inode \\d+ of subvolume 5\\)' is corrupt: the ${name} block`,
        ),
      };
    }),
    ...([0, 4] as const).map((at): Case => ({
      what: `a length of lzo at ${at}`,
      image: 'compressed',
      change: (b) => set32(b, inlineOf(b, 2).dataAt + 21 + at, 99_999),
      message: new RegExp(`the lzo extent at offset 0 has a length of 99999 bytes at its byte ${at}`),
    })),
  ]);
});
