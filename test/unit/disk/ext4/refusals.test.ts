/** Whatever cannot be read is refused with an error that names it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { isExt } from '../../../../src/disk/ext4/index.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import {
  changed,
  dataBlocks,
  inodeOffset,
  names,
  nodeAt,
  open,
  readAll,
  sampleBytes,
  scratchFile,
} from './sample.ts';

const scratch = scratchDirectory('ext4-refusals');
const blockSize = 1024;

/** Without checksums, so that every change reaches the check that it is meant for. */
const file = scratchFile(scratch, 'plain');
const features = '^metadata_csum,^uninit_bg,inline_data,ea_inode';
const plain = sampleBytes(file, { size: '4M', blockSize, features, many: 60, indexed: true });

/** Fields of the superblock, from the start of the image. */
const field = (offset: number) => 1024 + offset;
const at = {
  inodes: field(0x0),
  blocks: field(0x4),
  firstDataBlock: field(0x14),
  logBlockSize: field(0x18),
  blocksPerGroup: field(0x20),
  inodesPerGroup: field(0x28),
  magic: field(0x38),
  revision: field(0x4c),
  firstInode: field(0x54),
  inodeSize: field(0x58),
  incompat: field(0x60),
  roCompat: field(0x64),
  descriptorSize: field(0xfe),
  blocksHigh: field(0x150),
  checksumType: field(0x175),
};

function setBits(offset: number, bits: number): (copy: Buffer) => void {
  return (copy) => copy.writeUInt32LE((copy.readUInt32LE(offset) | bits) >>> 0, offset);
}

describe('features', () => {
  const cases: [name: string, change: (copy: Buffer) => void, message: RegExp][] = [
    [
      'an unknown one',
      setBits(at.incompat, 0x8000_0000),
      /uses the ext4 feature incompat bit 0x80000000, which/,
    ],
    [
      'several',
      setBits(at.incompat, 0x4_0801),
      /feature compression, incompat bit 0x800, incompat bit 0x40000/,
    ],
    ['dirdata', setBits(at.incompat, 0x1000), /feature dirdata/],
    ['a newer revision', (copy) => copy.writeUInt32LE(2, at.revision), /revision 2 of the superblock/],
    [
      'an unknown checksum',
      (copy) => {
        setBits(at.roCompat, 0x400)(copy);
        copy[at.checksumType] = 2;
      },
      /metadata checksum type 2/,
    ],
  ];
  for (const [name, change, message] of cases) {
    it(name, async () => {
      await assert.rejects(open(changed(await plain, change)), { code: 'NotSupported', message });
    });
  }

  it('a journal that has to be replayed is refused with what to do', async () => {
    await assert.rejects(open(changed(await plain, setBits(at.incompat, 0x4))), {
      code: 'NotSupported',
      message: /'sample.raw' was not unmounted cleanly: its journal .*needs_recovery/,
      hint: /e2fsck -p.*mount it read-write once/,
    });
  });

  it('an external journal is recognised, and refused as what it is', async () => {
    const journal = scratchFile(scratch, 'journal');
    execFileSync('mke2fs', ['-q', '-F', '-b', '1024', '-O', 'journal_dev', journal, '2M'], { stdio: 'pipe' });
    const bytes = readFileSync(journal);
    assert.equal(await isExt(memorySource(bytes)), true);
    await assert.rejects(open(bytes), { code: 'NotSupported', message: /external journal .*journal_dev/ });
  });

  it('those that only matter for writing do not matter', async () => {
    const tree = await open(changed(await plain, setBits(at.roCompat, 0xfff0_1900)));
    assert.equal((await readAll(await nodeAt(tree, 'tiny'))).toString(), 'x');
  });
});

describe('the superblock', () => {
  it('is not mistaken for one', async () => {
    assert.equal(await isExt(memorySource(Buffer.alloc(0))), false);
    assert.equal(await isExt(memorySource(Buffer.alloc(2047, 0x53))), false);
    assert.equal(await isExt(memorySource(Buffer.alloc(4096))), false);
    await assert.rejects(open(Buffer.alloc(4096)), {
      code: 'InvalidArgs',
      message: /is not an ext2, ext3 or ext4/,
    });
  });

  const wrong: [name: string, change: (copy: Buffer) => void, message: RegExp][] = [
    ['block size', (copy) => copy.writeUInt32LE(7, at.logBlockSize), /block size 2\^17/],
    ['inode size 0', (copy) => copy.writeUInt16LE(0, at.inodeSize), /inode size 0/],
    ['inode size 192', (copy) => copy.writeUInt16LE(192, at.inodeSize), /inode size 192/],
    ['inode size 2048', (copy) => copy.writeUInt16LE(2048, at.inodeSize), /inode size 2048/],
    ['first inode', (copy) => copy.writeUInt32LE(3, at.firstInode), /first inode 3/],
    ['descriptor size', (copy) => copy.writeUInt16LE(32, at.descriptorSize), /group descriptor size 32/],
    ['descriptor size, odd', (copy) => copy.writeUInt16LE(96, at.descriptorSize), /group descriptor size 96/],
    [
      'blocks per group',
      (copy) => copy.writeUInt32LE(0, at.blocksPerGroup),
      /0 blocks and 0 clusters per group/,
    ],
    ['too many blocks per group', (copy) => copy.writeUInt32LE(8200, at.blocksPerGroup), /8200 blocks/],
    ['inodes per group', (copy) => copy.writeUInt32LE(0, at.inodesPerGroup), /0 inodes per group/],
    ['inodes', (copy) => copy.writeUInt32LE(5, at.inodes), /5 inodes, but 1 groups of \d+/],
    ['first data block', (copy) => copy.writeUInt32LE(0, at.firstDataBlock), /first data block 0/],
    ['no blocks', (copy) => copy.writeUInt32LE(0, at.blocks), /0 blocks/],
    ['blocks beyond 48 bits', (copy) => copy.writeUInt32LE(0x10_0000, at.blocksHigh), /\d{15,} blocks/],
  ];
  for (const [name, change, message] of wrong) {
    it(`with a wrong ${name}`, async () => {
      await assert.rejects(open(changed(await plain, change)), (error: Error) => {
        assert.match(error.message, /^the ext4 superblock of 'sample.raw' is corrupt: /);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it('of a file system that is cut off says how much is there', async () => {
    const bytes = await plain;
    await assert.rejects(open(bytes.subarray(0, -1)), {
      code: 'InvalidArgs',
      message: /4096 blocks of 1024 bytes, but only 4194303 bytes are there: it is truncated/,
    });
    await open(Buffer.concat([bytes, Buffer.alloc(1)]));
  });
});

describe('structures that cannot be true', () => {
  /** Fields of an inode. */
  const inodeField = {
    mode: 0x0,
    size: 0x4,
    links: 0x1a,
    flags: 0x20,
    area: 0x28,
    xattrBlock: 0x68,
    sizeHigh: 0x6c,
    extraSize: 0x80,
  };

  /** Changes the inode of a path, and reads what that leads to. */
  async function withInode(
    path: string,
    change: (copy: Buffer, inode: number) => void,
    use: (tree: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
  ): Promise<Error> {
    const bytes = await plain;
    const inode = inodeOffset(file, path, blockSize);
    const tree = await open(changed(bytes, (copy) => change(copy, inode)));
    try {
      await use(tree);
    } catch (error) {
      assert.ok(error instanceof Error);
      assert.equal('code' in error && error.code, 'InvalidArgs', String(error));
      assert.match(error.message, /^the ext4 in 'sample.raw' is corrupt: /);
      return error;
    }
    return assert.fail('read without an error');
  }

  const file_ = (path: string) => async (tree: Awaited<ReturnType<typeof open>>) =>
    readAll(await nodeAt(tree, path));
  const link = (path: string) => async (tree: Awaited<ReturnType<typeof open>>) =>
    (await nodeAt(tree, path)).readlink();
  const list = (path: string) => async (tree: Awaited<ReturnType<typeof open>>) =>
    names(await nodeAt(tree, path));

  const cases: [
    name: string,
    path: string,
    change: (copy: Buffer, inode: number) => void,
    use: Parameters<typeof withInode>[2],
    message: RegExp,
  ][] = [
    [
      'an unused inode',
      'tiny',
      (c, i) => c.writeUInt16LE(0, i),
      file_('tiny'),
      /inode \d+ \(block \d+\) is unused or of an unknown kind/,
    ],
    [
      'a deleted inode',
      'tiny',
      (c, i) => c.writeUInt16LE(0, i + inodeField.links),
      file_('tiny'),
      /has an entry for inode \d+, which is deleted/,
    ],
    [
      'the inode of an attribute value',
      'tiny',
      (c, i) => setBits(i + inodeField.flags, 0x20_0000)(c),
      file_('tiny'),
      /which holds an attribute value/,
    ],
    [
      'a size of 2^63',
      'tiny',
      (c, i) => c.writeUInt32LE(0x8000_0000, i + inodeField.sizeHigh),
      file_('tiny'),
      /has a size of 9223372036854775809 bytes/,
    ],
    [
      'extra fields beyond the inode',
      'tiny',
      (c, i) => c.writeUInt16LE(200, i + inodeField.extraSize),
      file_('tiny'),
      /has 200 bytes of extra fields/,
    ],
    [
      'inline data without its attribute',
      'hundred',
      (c, i) => c.writeUInt32LE(0, i + 160),
      file_('hundred'),
      /has inline data, but not its attribute system.data/,
    ],
    [
      'an extent header without its magic',
      'two-blocks',
      (c, i) => c.writeUInt16LE(0, i + inodeField.area),
      file_('two-blocks'),
      /has the magic number 0x0, expected 0xf30a/,
    ],
    [
      'more extents than fit',
      'two-blocks',
      (c, i) => c.writeUInt16LE(5, i + inodeField.area + 2),
      file_('two-blocks'),
      /has 5 entries of at most 4/,
    ],
    [
      'room for more extents than there is',
      'two-blocks',
      (c, i) => c.writeUInt16LE(5, i + inodeField.area + 4),
      file_('two-blocks'),
      /at most 5, and room for 4/,
    ],
    [
      'an extent tree too deep',
      'two-blocks',
      (c, i) => c.writeUInt16LE(6, i + inodeField.area + 6),
      file_('two-blocks'),
      /is 6 levels deep, at most 5/,
    ],
    [
      'an extent outside the file system',
      'two-blocks',
      (c, i) => c.writeUInt32LE(4095, i + inodeField.area + 12 + 8),
      file_('two-blocks'),
      /the extent at file block 0 .* is at blocks 4095 to 4096, but the file system has the blocks 1 to 4095/,
    ],
    [
      'an extent on the superblock',
      'two-blocks',
      (c, i) => c.writeUInt32LE(1, i + inodeField.area + 12 + 8),
      file_('two-blocks'),
      /is at blocks 1 to 2/,
    ],
    [
      'an extent far outside',
      'two-blocks',
      (c, i) => c.writeUInt16LE(0xffff, i + inodeField.area + 12 + 6),
      file_('two-blocks'),
      /281470\d{9}/,
    ],
    [
      'an empty extent',
      'two-blocks',
      (c, i) => c.writeUInt16LE(0, i + inodeField.area + 12 + 4),
      file_('two-blocks'),
      /the extent at file block 0/,
    ],
    [
      'an extent tree that contains itself',
      'stripes',
      (c, i) => {
        // the child says it is an index, too, and leads back to itself
        const child = c.readUInt32LE(i + inodeField.area + 12 + 4);
        c.writeUInt16LE(1, child * blockSize + 6);
        c.writeUInt32LE(child, child * blockSize + 12 + 4);
        c.writeUInt16LE(0, child * blockSize + 12 + 8);
        c.writeUInt16LE(2, i + inodeField.area + 6);
      },
      file_('stripes'),
      /extent block \d+ .* says it is at level 1, but is at level 0/,
    ],
    [
      'extents out of order',
      'stripes',
      (c, i) => {
        const child = c.readUInt32LE(i + inodeField.area + 12 + 4) * blockSize;
        c.writeUInt32LE(0, child + 12 + 12);
      },
      file_('stripes'),
      /is out of order at entry 1 \(file block 0\)/,
    ],
    [
      'an extent node outside its range',
      'stripes',
      (c, i) => c.writeUInt32LE(1, i + inodeField.area + 12),
      async (tree) => (await nodeAt(tree, 'stripes')).read(2048n, 10),
      /has file blocks 0 to 26 in a node that is for 1 to 4294967295/,
    ],
    [
      'an empty symlink',
      'fast-link',
      (c, i) => c.writeUInt32LE(0, i + inodeField.size),
      link('fast-link'),
      /has a target of 0 bytes/,
    ],
    [
      'a symlink with a zero byte',
      'fast-link',
      (c, i) => (c[i + inodeField.area + 3] = 0),
      link('fast-link'),
      /zero byte/,
    ],
    [
      'a symlink too long',
      'slow-link',
      (c, i) => c.writeUInt32LE(5000, i + inodeField.size),
      link('slow-link'),
      /target of 5000 bytes, expected 1 to 4095/,
    ],
    [
      'a directory that ends within a block',
      'many',
      (c, i) => c.writeUInt32LE(1500, i + inodeField.size),
      list('many'),
      /has 1500 bytes, which is not a multiple of the block size 1024/,
    ],
    [
      'an attribute block outside',
      'with-xattrs',
      (c, i) => c.writeUInt32LE(9999, i + inodeField.xattrBlock),
      async (tree) => (await nodeAt(tree, 'with-xattrs')).xattrs(),
      /the attribute block of inode \d+ is at block 9999/,
    ],
    [
      'an attribute block that is none',
      'tiny',
      (c, i) => c.writeUInt32LE(900, i + inodeField.xattrBlock),
      async (tree) => (await nodeAt(tree, 'tiny')).xattrs(),
      /attribute block 900 of inode \d+ does not start as one/,
    ],
  ];
  for (const [name, path, change, use, message] of cases) {
    it(name, async () => {
      assert.match((await withInode(path, change, use)).message, message);
    });
  }

  it('an inode table outside the file system', async () => {
    // group descriptors are in block 2
    const tree = await open(changed(await plain, (copy) => copy.writeUInt32LE(4090, 2 * blockSize + 8)));
    await assert.rejects(tree.root(), { message: /the inode table of group 0 is at blocks 4090 to \d+/ });
  });

  it('a root that is no directory', async () => {
    const inode = inodeOffset(file, '/', blockSize);
    const tree = await open(changed(await plain, (copy) => copy.writeUInt16LE(0x81a4, inode)));
    await assert.rejects(tree.root(), { message: /its root, inode 2, is a file, not a directory/ });
  });

  it('directory entries', async () => {
    const bytes = await plain;
    // the leaf of an entry, and the entry in it
    const name = Buffer.from('entry-3');
    const leaf = dataBlocks(file, 'many', blockSize)
      .slice(1)
      .map((block) => block * blockSize)
      .find((start) => bytes.subarray(start, start + blockSize).includes(name))!;
    const first = leaf;
    const attempts: [(copy: Buffer) => void, RegExp][] = [
      [(copy) => copy.writeUInt16LE(8, first + 4), /the entry at byte 0 is 8 bytes long/],
      [(copy) => copy.writeUInt16LE(18, first + 4), /the entry at byte 0 is 18 bytes long/],
      [(copy) => copy.writeUInt16LE(0, first + 4), /the entry at byte 0 is 0 bytes long/],
      [(copy) => copy.writeUInt16LE(1028, first + 4), /with a name of \d+ and 1024 bytes left/],
      [(copy) => (copy[first + 6] = 255), /with a name of 255/],
      [(copy) => copy.writeUInt16LE(1020, first + 4), /the entry at byte 1020 is cut off/],
      [(copy) => (copy[first + 6] = 0), /the entry at byte 0 has an impossible name/],
      [(copy) => (copy[first + 9] = 0x2f), /the entry at byte 0 has an impossible name/],
      [(copy) => (copy[first + 9] = 0), /the entry at byte 0 has an impossible name/],
      [(copy) => copy.writeUInt32LE(0xffff_ffff, first), /is for inode 4294967295, of \d+/],
    ];
    for (const [change, message] of attempts) {
      const tree = await open(changed(bytes, change));
      await assert.rejects(names(await nodeAt(tree, 'many')), { code: 'InvalidArgs', message });
    }
    const tree = await open(changed(bytes, (copy) => copy.writeUInt32LE(8, first)));
    const shown = bytes.subarray(first + 8, first + 8 + bytes.readUInt8(first + 6));
    const reserved = async () => (await nodeAt(tree, 'many')).lookup(shown);
    await assert.rejects(reserved, { message: /has an entry for inode 8, which is reserved/ });
  });

  it('hash indices', async () => {
    const bytes = await plain;
    const root = dataBlocks(file, 'many', blockSize)[0]! * blockSize;
    const attempts: [(copy: Buffer) => void, string, RegExp][] = [
      [(copy) => (copy[root + 0x1c] = 9), 'NotSupported', /the hash function version 9/],
      [(copy) => (copy[root + 0x1c] = 6), 'NotSupported', /the hash function SipHash/],
      [(copy) => (copy[root + 0x1d] = 12), 'InvalidArgs', /has a head of 12 bytes/],
      [(copy) => (copy[root + 0x1e] = 2), 'InvalidArgs', /3 levels, expected 8 and at most 2/],
      [(copy) => (copy[root + 0x1f] = 1), 'NotSupported', /has the flags 0x1, which are not known/],
      [(copy) => copy.writeUInt16LE(0, root + 0x22), 'InvalidArgs', /has 0 entries of at most 124/],
      [(copy) => copy.writeUInt16LE(125, root + 0x22), 'InvalidArgs', /has 125 entries of at most 124/],
      [(copy) => copy.writeUInt16LE(126, root + 0x20), 'InvalidArgs', /at most 126, and room for 124/],
      [
        (copy) => copy.writeUInt16LE(1, root + 0x22) && copy.writeUInt32LE(77, root + 0x24),
        'InvalidArgs',
        /leads to block 77 of directory inode \d+, which has only \d/,
      ],
      [
        (copy) => copy.writeUInt16LE(1, root + 0x22) && copy.writeUInt32LE(0, root + 0x24),
        'InvalidArgs',
        /takes block 0 of directory inode \d+ for a leaf/,
      ],
      [
        (copy) => (copy[root + 0x1e] = 1),
        'InvalidArgs',
        /takes block \d of directory inode \d+ for a part of itself/,
      ],
    ];
    for (const [change, code, message] of attempts) {
      const tree = await open(changed(bytes, change));
      const many = await nodeAt(tree, 'many');
      await assert.rejects(many.lookup(Buffer.from('entry-3xxx')), { code, message });
      // what is wrong with the index does not hide the names
      assert.equal((await names(many)).length, 60);
    }
  });

  it('attribute entries', async () => {
    const bytes = await plain;
    const block = bytes.readUInt32LE(inodeOffset(file, 'with-xattrs', blockSize) + 0x68) * blockSize;
    const first = block + 32;
    const attempts: [(copy: Buffer) => void, RegExp][] = [
      [(copy) => copy.writeUInt32LE(2, block + 8), /does not start as one/],
      [(copy) => copy.writeUInt16LE(8, first + 2), /the value of the entry at byte 32 is at bytes 8 to/],
      [(copy) => copy.writeUInt16LE(1023, first + 2), /is at bytes 1023 to \d+, outside/],
      [(copy) => copy.writeUInt32LE(0xffff, first + 8), /the value of the entry at byte 32/],
      [(copy) => (copy[first + 16] = 0), /the name of the entry at byte \d+ has a zero byte/],
      [(copy) => copy.fill(0xff, first, block + blockSize), /is cut off/],
      [
        (copy) => copy.writeUInt32LE(12, first + 4),
        /the attribute value in inode 12 of inode \d+ is no attribute value/,
      ],
    ];
    for (const [change, message] of attempts) {
      const tree = await open(changed(bytes, change));
      await assert.rejects((await nodeAt(tree, 'with-xattrs')).xattrs(), { code: 'InvalidArgs', message });
    }
  });
});
