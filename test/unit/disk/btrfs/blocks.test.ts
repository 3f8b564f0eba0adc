/** Corrupt tree blocks of btrfs: the error says what and where, or the other copy is used. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PortableError } from '../../../../src/base/errors.ts';
import { Budget } from '../../../../src/disk/budget.ts';
import { openBtrfs } from '../../../../src/disk/btrfs/index.ts';
import { type BlockSource, memorySource } from '../../../../src/disk/source.ts';
import { type BlockPlace } from '../../../support/btrfs-edit.ts';
import { btrfsFixture } from '../../../support/btrfs-fixtures.ts';
import { failsWith } from '../../../support/fails-with.ts';
import { treeFacts } from '../../../support/kernel-compare.ts';
import { readAll, set8, set32, set64, refuses, blockOf, leafOf, itemOf } from './cases.ts';

describe('corrupt tree blocks of btrfs', () => {
  const leaf = (b: Buffer): number => leafOf(b, 5n).at;
  const node = (b: Buffer): BlockPlace => blockOf(b, ({ owner, level }) => owner === 5n && level === 1);
  refuses([
    {
      what: 'with a wrong checksum',
      change: (b) => set8(b, leaf(b) + 4000, b.readUInt8(leaf(b) + 4000) ^ 1),
      leaveChecksums: true,
      message: /the tree block at \d+ \(offset \d+\) does not match its crc32c checksum/,
    },
    {
      what: 'of another place',
      change: (b) => set64(b, leaf(b) + 48, 4096n),
      message: /the tree block at \d+ \(offset \d+\) says that it is the one at 4096/,
    },
    {
      what: 'of level 9',
      change: (b) => set8(b, leaf(b) + 100, 9),
      message: /says that it is of level 9/,
    },
    {
      what: 'of a wrong level',
      change: (b) => set8(b, node(b).at + 100, 2),
      message: /is of level 2, not 1/,
    },
    {
      what: 'of another tree',
      change: (b) => set64(b, leafOf(b, 7n).at + 88, 5n),
      message: /is of tree 5, not 7/,
    },
    {
      what: 'of a tree that is no subvolume',
      change: (b) => set64(b, leaf(b) + 88, 2n),
      message: /is of tree 2, not 5/,
    },
    {
      what: 'with more items than fit',
      change: (b) => set32(b, leaf(b) + 96, 160),
      message: /has no room for the 160 entries that it says it has/,
    },
    {
      what: 'with no pointers',
      change: (b) => set32(b, node(b).at + 96, 0),
      message: /points to no others/,
    },
    {
      what: 'with keys out of order',
      change: (b) => set64(b, leafOf(b, 5n).places[1]!.at, 0n),
      message: /has the key \(0 \d+ \d+\) after \(256 1 0\)/,
    },
    {
      what: 'with an item that is elsewhere',
      change: (b) => set32(b, leafOf(b, 5n).places[1]!.at + 17, 3),
      message: /has item 1 at offset 104, \d+ bytes long/,
    },
    {
      what: 'with a pointer to a block of another generation',
      change: (b) => set64(b, node(b).places[1]!.dataAt + 8, 3n),
      message: /is of generation \d+, not 3/,
    },
    {
      what: 'with two pointers to one block',
      change: (b) => set64(b, node(b).places[1]!.dataAt, b.readBigUInt64LE(node(b).places[0]!.dataAt)),
      message: /starts with \(256 1 0\), not \(\d+ \d+ \d+\)|is of generation/,
    },
    {
      what: 'of which one goes on where the one before it has not come to an end',
      change: (b) => {
        const entries = blockOf(b, ({ owner, places }) => owner === 5n && places.at(-1)?.type === 96);
        set64(b, entries.places.at(-1)!.at + 9, 2n ** 50n);
      },
      message: /tree 5 has the key \(\d+ 96 \d+\) after \(\d+ 96 1125899906842624\)/,
    },
    {
      what: 'with a pointer to itself',
      change: (b) => {
        const { at, places } = node(b);
        set64(b, places[0]!.dataAt, b.readBigUInt64LE(at + 48));
        set64(b, places[0]!.dataAt + 8, b.readBigUInt64LE(at + 80));
      },
      message: /is of level 1, not 0/,
    },
  ]);

  it('of which the second copy is good are passed over', async () => {
    const bytes = btrfsFixture('blocks-16384');
    const facts = await readAll(bytes);
    // the copies are not in the fixture: where they would be is told by the chunks
    const [first, second] = copies(bytes);
    const length = 8 * 2 ** 20;
    bytes.copy(bytes, second, first, first + length);
    bytes.fill(0x55, first + 4000, first + length);
    assert.deepEqual(await readAll(bytes), facts);
    bytes.fill(0x55, second, second + length);
    await failsWith(readAll(bytes), 'InvalidArgs', /does not match its crc32c checksum/);
  });

  it('of which the first copy cannot be read are taken from the second', async () => {
    const bytes = btrfsFixture('blocks-16384');
    const facts = await readAll(bytes);
    const [first, second] = copies(bytes);
    const length = 8 * 2 ** 20;
    bytes.copy(bytes, second, first, first + length);
    const source = memorySource(bytes, 'foo.raw');
    let failures = 0;
    const failing: BlockSource = {
      ...source,
      bytesRead: 0,
      read: (offset, size) => {
        if (offset < first || offset >= first + length) return source.read(offset, size);
        failures++;
        return Promise.reject(new PortableError('IOError', 'the medium fails', { file: 'foo.raw' }));
      },
    };
    assert.deepEqual(await treeFacts(await openBtrfs(failing, new Budget('foo.raw'))), facts);
    assert.ok(failures > 0);
    bytes.fill(0x55, second, second + length);
    const reading = openBtrfs(failing, new Budget('foo.raw'));
    await failsWith(reading, 'IOError', /the medium fails/);
  });

  /** Where the copies of the metadata are. */
  function copies(bytes: Buffer): [number, number] {
    const { dataAt } = itemOf(bytes, 3n, 228, (place) => bytes.readBigUInt64LE(place.dataAt + 24) === 0x24n);
    return [48, 80].map((at) => Number(bytes.readBigUInt64LE(dataAt + at + 8))) as [number, number];
  }
});
