/** Whatever cannot be read is refused with an error that names it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../support/fails-with.ts';
import { nodeAt } from '../../../support/tree-nodes.ts';
import { addFeatureBits, repair, superblockChecksumAt } from '../../../support/xfs-image.ts';
import { xfsFixture } from '../../../support/xfs-sample.ts';
import { type BlockKind, blockOf, changed, exhaust, inodeOf, open } from './sample.ts';

const sample = xfsFixture('blocks-1024');
const blockSize = 1024;

type Change = (structure: Buffer) => void;

const set8 =
  (at: number, value: number): Change =>
  (bytes) =>
    void bytes.writeUInt8(value, at);
const set16 =
  (at: number, value: number): Change =>
  (bytes) =>
    void bytes.writeUInt16BE(value, at);
const set32 =
  (at: number, value: number): Change =>
  (bytes) =>
    void bytes.writeUInt32BE(value, at);
const set64 =
  (at: number, value: bigint): Change =>
  (bytes) =>
    void bytes.writeBigUInt64BE(value, at);

describe('the superblock', () => {
  const unsupported: readonly (readonly [name: string, change: Change, message: RegExp])[] = [
    ['version 4', set16(100, 0xb4a4), /uses version 4 of the format; only 5 \(crc=1\) can be read/],
    [
      'unknown features',
      (b) => addFeatureBits(b, 0x4001_0000),
      /uses the unknown feature bits 0x40010000 \(features_in/,
    ],
    [
      'names without case',
      (b) => set16(100, b.readUInt16BE(100) | 0x4000)(b),
      /names without regard to case \(ascii-ci\)/,
    ],
  ];
  for (const [name, change, message] of unsupported) {
    it(name, () => failsWith(open(changed(sample, 0, change, 512)), 'NotSupported', message));
  }

  const wrong: readonly (readonly [name: string, change: Change, message: RegExp])[] = [
    [
      'a state that needs repair',
      (b) => addFeatureBits(b, 0x10),
      /has to be repaired first \(feature needsrepair\)/,
    ],
    [
      'a state that has not ended',
      set8(126, 1),
      /being made or copied, and that did not end \(sb_inprogress\)/,
    ],
    ['block size', set32(4, 3000), /has blocks of 3000 bytes \(2\^10\), expected 2\^10 to 2\^16/],
    ['log of the block size', set8(120, 17), /has blocks of 1024 bytes \(2\^17\)/],
    ['log of the sector size', set8(121, 30), /has sectors of 512 bytes \(2\^30\)/],
    ['inode size', set16(104, 256), /has inodes of 256 bytes/],
    ['inodes in a block', set16(106, 4), /has 4 inodes \(2\^1\) of 512 bytes in blocks of 1024/],
    ['size of directory blocks', set8(192, 7), /has directory blocks of 2\^17 bytes/],
    ['blocks of a group', set32(84, 1), /has groups of 1 blocks, numbered with 14 bits/],
    ['bits for blocks of a group', set8(124, 31), /numbered with 31 bits/],
    ['groups', set32(88, 0), /blocks in 0 groups of/],
    ['blocks', set64(8, 2n ** 60n), /has 1152921504606846976 blocks in/],
  ];
  for (const [name, change, message] of wrong) {
    it(name, () => failsWith(open(changed(sample, 0, change, 512)), 'InvalidArgs', message));
  }

  it('a checksum that does not match', async () => {
    const bytes = Buffer.from(sample);
    bytes.writeUInt8(1, 108);
    await failsWith(open(bytes), 'InvalidArgs', /checksum of the superblock does not match \(offset 224\)/);
  });

  it('an image that is cut off', async () => {
    const short = sample.subarray(0, sample.length - blockSize);
    await failsWith(open(short), 'InvalidArgs', /blocks of 1024 bytes, but only 33553408 bytes are there/);
    for (const length of [0, 4, 511]) {
      await failsWith(open(sample.subarray(0, length)), 'InvalidArgs', /there is no superblock at offset 0/);
    }
  });

  it('features that only matter for writing do not matter', async () => {
    const bytes = changed(sample, 0, (b) => set32(208, 0xffff_ffff)(b), 512);
    bytes.writeUInt32BE(0xffff_fff0, 212);
    repair(bytes.subarray(0, 512), superblockChecksumAt);
    assert.equal((await nodeAt(await open(bytes), 'tiny')).stat.size, 1n);
  });

  it('a root that is none', async () => {
    const tiny = await nodeAt(await open(sample), 'tiny');
    const bytes = changed(sample, 0, set64(56, tiny.stat.inode), 512);
    await failsWith(
      (await open(bytes)).root(),
      'InvalidArgs',
      /its root, inode \d+, is a file, not a directory/,
    );
    const outside = changed(sample, 0, set64(56, 2n ** 63n), 512);
    await failsWith(
      (await open(outside)).root(),
      'InvalidArgs',
      /inode 9223372036854775808 is in group \d+, but there/,
    );
  });
});

describe('inodes', () => {
  const cases: readonly (readonly [
    name: string,
    path: string,
    change: Change,
    message: RegExp,
    code?: string,
  ])[] = [
    ['magic number', 'tiny', set16(0, 0x4142), /inode \d+ \(block \d+\) has the magic number 0x4142/],
    ['version', 'tiny', set8(4, 2), /inode \d+ .* is of version 2, expected 3/],
    ['number', 'tiny', set64(152, 9n), /inode \d+ .* says that it is inode 9/],
    ['UUID', 'tiny', set8(160, 0), /inode \d+ .* has the UUID of another file system/],
    ['kind', 'tiny', set16(2, 0x7000), /is unused or of an unknown kind \(mode 0o70000\)/],
    ['size', 'tiny', set64(56, 2n ** 63n), /has a size of 9223372036854775808 bytes/],
    ['format of its data', 'tiny', set8(5, 7), /is a file with data of format 7/],
    ['a format that is not for its kind', 'tiny', set8(5, 1), /is a file with data of format 1/],
    ['format of its attributes', 'xattrs/short', set8(83, 9), /has attributes of format 9/],
    ['place of its attributes', 'tiny', set8(82, 42), /has attributes from byte 336 on, of 336/],
    ['no links', 'tiny', set32(16, 0), /directory inode \d+ has an entry for inode \d+, which is deleted/],
    ['one of the file system', 'tiny', set64(120, 0x38n), /which is one of the file system's own/],
    ['realtime', 'tiny', set16(90, 1), /uses a realtime device for the content of inode \d+/, 'NotSupported'],
    [
      'too many extents',
      'tiny',
      set64(24, 30n),
      /data extents in inode \d+ should have 30 entries, with room for 12/,
    ],
    [
      'an extent outside',
      'tiny',
      set32(176 + 8, 0x1000),
      /entry 0 is at block \d+ of group \d+, but there are only 2/,
    ],
    ['an extent of nothing', 'tiny', set32(176 + 12, 0), /entry 0 has 0 blocks from block 0 on/],
    [
      'a target of nothing',
      'short-link',
      set64(56, 0n),
      /the symlink with inode \d+ has 0 bytes, expected 1 to 1023/,
    ],
    ['a target that is too long', 'short-link', set64(56, 1024n), /has 1024 bytes, expected 1 to 1023/],
    ['a target that is not there', 'short-link', set64(56, 400n), /has 400 bytes, of which there are 336/],
    ['a zero byte in a target', 'short-link', set8(176 + 5, 0), /has a zero byte in it/],
  ];
  for (const [name, path, change, message, code = 'InvalidArgs'] of cases) {
    it(name, async () => {
      const bytes = changed(sample, await inodeOf(sample, path), change, 512);
      await failsWith((async () => exhaust(await nodeAt(await open(bytes), path)))(), code, message);
    });
  }

  it('checksum', async () => {
    const bytes = Buffer.from(sample);
    bytes.writeUInt8(7, (await inodeOf(sample, 'tiny')) + 50);
    await failsWith(
      nodeAt(await open(bytes), 'tiny'),
      'InvalidArgs',
      /inode \d+ .* has a checksum that does not match/,
    );
  });
});

describe('what is in inodes', () => {
  const cases: readonly (readonly [
    name: string,
    path: string,
    change: Change,
    message: RegExp,
    code?: string,
  ])[] = [
    ['size of a directory', 'short', set64(56, 400n), /the directory in inode \d+ has 400 bytes, of \d+/],
    ['number of its entries', 'short', set8(176, 200), /entry 4 \(byte \d+\) is cut off/],
    ['length of a name', 'short', set8(176 + 6, 255), /entry 0 \(byte 6\) is cut off/],
    ['a name with a slash', 'short', set8(176 + 9, 0x2f), /entry 0 \(byte 6\) has an impossible name/],
    ['kind of an entry', 'short', set8(176 + 9 + 6, 9), /entry 0 \(byte 6\) is of the unknown kind 9/],
    [
      'size of attributes',
      'xattrs/short',
      inAttributes(set16(0, 2)),
      /the attributes in inode \d+ have 2 bytes/,
    ],
    [
      'number of attributes',
      'xattrs/short',
      inAttributes(set8(2, 99)),
      /entry 3 .* of the attributes .* is cut off/,
    ],
    ['name of an attribute', 'xattrs/short', inAttributes(set8(7, 0)), /entry 0 .* has an impossible name/],
    [
      'flags of an attribute',
      'xattrs/short',
      inAttributes(set8(6, 0x40)),
      /uses the flags 0x40 in entry 0 .*, not all of which are known/,
      'NotSupported',
    ],
  ];
  for (const [name, path, change, message, code = 'InvalidArgs'] of cases) {
    it(name, async () => {
      const bytes = changed(sample, await inodeOf(sample, path), change, 512);
      await failsWith((async () => exhaust(await nodeAt(await open(bytes), path)))(), code, message);
    });
  }

  function inAttributes(change: Change): Change {
    return (inode) => change(inode.subarray(176 + inode.readUInt8(82) * 8));
  }
});

describe('blocks', () => {
  type Case = readonly [
    path: string,
    kind: BlockKind,
    name: string,
    change: Change,
    message: RegExp,
    size?: number,
  ];
  const owners: readonly (readonly [path: string, kind: BlockKind, offset: number, size: number])[] = [
    ['block', 'XDB3', 0, 4096],
    ['leaf', 'XDD3', 0, 4096],
    ['leaf', 'onlyLeaf', 8, 4096],
    ['node', 'node', 8, 4096],
    ['node', 'leaf', 8, 4096],
    ['stripes', 'BMA3', 16, 1024],
    ['long-link', 'XSLM', -8, 2048],
    ['xattrs/leaf', 'attributeLeaf', 8, 1024],
    ['xattrs/node', 'node', 8, 1024],
    ['xattrs/node', 'XARM', -8, 1024],
  ];
  for (const [path, kind, shift, size] of owners) {
    // the fields are in the same order but for the last two kinds of header
    const at =
      shift < 0
        ? { uuid: 16, owner: 32, place: 40 }
        : { place: 8 + shift, uuid: 24 + shift, owner: 40 + shift };
    it(`${kind} of ${path} says whose and where it is`, async () => {
      const start = await blockOf(sample, path, kind);
      const fails = async (bytes: Buffer, message: RegExp): Promise<void> =>
        failsWith((async () => exhaust(await nodeAt(await open(bytes), path)))(), 'InvalidArgs', message);
      const bytes = Buffer.from(sample);
      bytes.writeUInt8(bytes.readUInt8(start + 60) ^ 1, start + 60);
      await fails(bytes, /the checksum of .* \(block \d+\) does not match/);
      await fails(
        changed(sample, start, set8(at.uuid, 0), size),
        /\(block \d+\) has the UUID of another file system/,
      );
      await fails(changed(sample, start, set64(at.owner, 5n), size), /\(block \d+\) belongs to inode 5/);
      await fails(
        changed(sample, start, set64(at.place, 8n), size),
        /\(block \d+\) says that it is at sector 8/,
      );
    });
  }

  const cases: readonly Case[] = [
    [
      'block',
      'XDB3',
      'magic number',
      set32(0, 7),
      /directory block 0 of inode \d+ \(block \d+\) has the magic number 0x7/,
    ],
    [
      'block',
      'XDB3',
      'an index that does not fit',
      (b) => set32(b.length - 8, 900)(b),
      /has an index of 900 names/,
    ],
    ['block', 'XDB3', 'a tag', set16(64 + 14, 9), /the entry at byte 64 says that it is at byte 9/],
    ['block', 'XDB3', 'a name', set8(64 + 9, 0), /the entry at byte 64 has an impossible name/],
    [
      'block',
      'XDB3',
      'the length of a name',
      set8(64 + 8, 255),
      /the entry at byte 64 says that it is at byte \d+/,
    ],
    ['block', 'XDB3', 'a kind', set8(64 + 10, 50), /the entry at byte 64 is of the unknown kind 50/],
    [
      'block',
      'XDB3',
      'a free stretch',
      (b) => set32(64, 0xffff_0003)(b),
      /free stretch at byte 64 is 3 bytes long/,
    ],
    [
      'leaf',
      'onlyLeaf',
      'count',
      set16(56, 600),
      /index block \d+ of the data of inode \d+ has 600 entries, and room for 504/,
    ],
    [
      'leaf',
      'onlyLeaf',
      'place',
      (b) => {
        for (let at = 68; at < 464; at += 8) set32(at, 0x7fff_ffff)(b);
      },
      /directory block \d+ of inode \d+, which has only \d/,
    ],
    ['node', 'node', 'level', set16(58, 4), /index block \d+ of the data of inode \d+ is a leaf at level 3/],
    ['node', 'node', 'a level of none', set16(58, 0), /says it is at level 0/],
    ['node', 'node', 'count', set16(56, 0), /has 0 entries, and room for 504/],
    [
      'node',
      'node',
      'child',
      (b) => {
        for (let at = 68; at < 100; at += 8) set32(at, 1)(b);
      },
      /index block 1 .* is outside of the index/,
    ],
    ['node', 'leaf', 'kind', set16(8, 0x3bee), /is the attribute leaf of something else/],
    [
      'stripes',
      'BMA3',
      'magic number',
      set32(0, 1),
      /a node of the tree of data extents of inode \d+ .*has the magic number 0x1/,
      1024,
    ],
    ['stripes', 'BMA3', 'level', set16(4, 1), /says it is at level 1, but is at level 0/, 1024],
    ['stripes', 'BMA3', 'count', set16(6, 60), /has 60 entries, and room for 59/, 1024],
    [
      'stripes',
      'BMA3',
      'order',
      (b) => {
        b.copyWithin(72, 88, 104);
      },
      /entry 1 has 1 blocks from block 81 on, but the file's blocks 82 to/,
      1024,
    ],
    [
      'long-link',
      'XSLM',
      'magic number',
      set32(0, 1),
      /the target of the symlink with inode \d+ has the magic number 0x1/,
      2048,
    ],
    ['long-link', 'XSLM', 'offset', set32(4, 5), /has 1000 bytes from 5 on in block \d+/, 2048],
    ['long-link', 'XSLM', 'length', set32(8, 900), /has 1000 bytes, of which there are 900/, 2048],
    ['xattrs/leaf', 'attributeLeaf', 'count', set16(56, 119), /has 119 attributes, which do not fit/, 1024],
    [
      'xattrs/leaf',
      'attributeLeaf',
      'place of a name',
      set16(84, 1023),
      /attribute 0 of .* is cut off \(byte 1023\)/,
      1024,
    ],
    [
      'xattrs/leaf',
      'attributeLeaf',
      'what is behind it',
      set32(0, 7),
      /index block 7 of the attribute of inode \d+ is missing/,
      1024,
    ],
    [
      'xattrs/node',
      'XARM',
      'offset',
      set32(4, 9),
      /has \d+ bytes from 9 on of a value, expected \d+ from 0 on/,
      1024,
    ],
    [
      'xattrs/node',
      'XARM',
      'magic number',
      set32(0, 9),
      /block \d+ of the attributes of inode \d+ has the magic number 0x9/,
      1024,
    ],
  ];
  for (const [path, kind, name, change, message, size = 4096] of cases) {
    it(`${kind} of ${path}: ${name}`, async () => {
      const bytes = changed(sample, await blockOf(sample, path, kind), change, size);
      await failsWith((async () => exhaust(await nodeAt(await open(bytes), path)))(), 'InvalidArgs', message);
    });
  }

  it('a leaf of attributes that is behind itself', async () => {
    // the second of them, so that it leads to itself
    const start = await blockOf(sample, 'xattrs/node', 'node');
    const first = sample.readUInt32BE(start + 68);
    const leaf = await blockOf(sample, 'xattrs/node', 'attributeLeaf');
    const bytes = changed(sample, leaf, set32(0, first), 1024);
    await failsWith(
      (async () => exhaust(await nodeAt(await open(bytes), 'xattrs/node')))(),
      'InvalidArgs',
      /index block \d+ of the attribute of inode \d+ is behind itself/,
    );
  });
});

describe('limits', () => {
  const cases = [
    [{ metadataBlocks: 3 }, /more than 3 metadata blocks/],
    [{ directoryEntries: 100 }, /more than 100 directory entries/],
    [{ wallTimeMs: -1 }, /took longer than -1 ms/],
  ] as const;
  for (const [limits, message] of cases) {
    it(Object.keys(limits).join(), async () => {
      const work = async (): Promise<void> => {
        const tree = await open(sample, limits);
        for (const path of ['node', 'stripes', 'xattrs/node']) await exhaust(await nodeAt(tree, path));
      };
      await failsWith(work(), 'LimitsExceeded', message);
    });
  }

  it('no more than is sensible of a file at once', async () => {
    const bytes = changed(sample, await inodeOf(sample, 'tiny'), set64(56, 2n ** 62n), 512);
    const tiny = await nodeAt(await open(bytes), 'tiny');
    await failsWith(tiny.read(0n, 2 ** 31), 'LimitsExceeded', /2147483648 bytes of a file asked for at once/);
    assert.deepEqual(await tiny.read(2n ** 62n - 3n, 10), Buffer.alloc(3));
  });
});
