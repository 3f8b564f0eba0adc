/** What the f2fs reader makes of things that sload.f2fs does not write, and of what cannot be. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import { f2fsCrc, magicNumber } from '../../../../src/disk/f2fs/checksum.ts';
import { openF2fs } from '../../../../src/disk/f2fs/index.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import type { TreeNode } from '../../../../src/disk/tree.ts';
import { lz4Block, lzoBlock } from '../../../support/compressors.ts';
import {
  type F2fsSample,
  makeF2fsSample,
  manyEntries,
  sampleOf,
  sampleText,
  writeCluster,
  writeKind,
  writeXattrs,
  xattrEntries,
} from '../../../support/f2fs-sample.ts';
import { failsWith } from '../../../support/fails-with.ts';

const plain = makeF2fsSample([]).bytes;
const compressed = makeF2fsSample(['-O', 'extra_attr,compression']).bytes;
const checked = makeF2fsSample(['-O', 'extra_attr,inode_checksum,sb_checksum']).bytes;

const blockSize = 4096;
const limits = { ...defaultLimits, wallTimeMs: 1e6 };

async function find(bytes: Buffer, path: string, budget = new Budget('foo.raw', limits)): Promise<TreeNode> {
  let node = await (await openF2fs(memorySource(bytes, 'foo.raw'), budget)).root();
  for (const name of path.split('/').filter((each) => each !== '')) {
    const next = await node.lookup(Buffer.from(name));
    assert.ok(next !== undefined, `${path} is not there`);
    node = next;
  }
  return node;
}

const read = async (bytes: Buffer, path: string): Promise<Buffer> => (await find(bytes, path)).read(0n, 1e6);

/** A changed copy of an image, and what comes of reading a file of it. */
async function changed(
  original: Buffer,
  change: (sample: F2fsSample) => void | Promise<void>,
): Promise<Buffer> {
  const sample = sampleOf(original);
  await change(sample);
  return sample.bytes;
}

/** Writes into the inode of a path. */
async function patched(
  original: Buffer,
  path: string,
  write: (bytes: Buffer, at: number) => unknown,
): Promise<Buffer> {
  return changed(original, async (sample) => void write(sample.bytes, (await sample.inode(path)).at));
}

describe('attributes', () => {
  const value = (length: number): Buffer => Buffer.alloc(length, 'v');
  const acl = Buffer.from(
    '010000000100060004000500200004000200070010270000'.replace('0200070010270000', ''),
    'hex',
  );
  const entries = xattrEntries(
    [1, 'note', value(10)],
    [4, 'hidden', value(20)],
    [9, 'c', value(8)],
    [2, '', acl],
    [6, 'selinux', value(8)],
    [1, 'extension-release.strict', Buffer.from('0')],
  );
  const names = [
    'user.note',
    'trusted.hidden',
    'system.posix_acl_access',
    'security.selinux',
    'user.extension-release.strict',
  ];
  it('are in the inode', async () => {
    const bytes = await changed(plain, (sample) => writeXattrs(sample, 'one', entries));
    const xattrs = await (await find(bytes, 'one')).xattrs();
    assert.deepEqual([...xattrs.keys()], names);
    assert.equal(xattrs.get('user.note')?.toString(), 'v'.repeat(10));
    assert.equal(xattrs.get('system.posix_acl_access')?.readUInt32LE(0), 2);
    assert.equal((await read(bytes, 'one')).toString(), 'file one');
  });
  it('go on in a node', async () => {
    const all = Buffer.concat([entries, xattrEntries([1, 'large', value(3000)])]);
    const bytes = await changed(plain, (sample) => writeXattrs(sample, 'one', all, 'two'));
    const xattrs = await (await find(bytes, 'one')).xattrs();
    assert.deepEqual([...xattrs.keys()], [...names, 'user.large']);
    assert.equal(xattrs.get('user.large')?.length, 3000);
    await failsWith(
      find(bytes, 'two'),
      'InvalidArgs',
      /of node \d+ of inode \d+, says it is node \d+ of inode \d+/,
    );
  });
  it('have as much room as the inode says, with flexible_inline_xattr', async () => {
    const { bytes: flexible } = makeF2fsSample(['-O', 'extra_attr,flexible_inline_xattr']);
    const bytes = await changed(flexible, async (sample) => {
      const { at } = await sample.inode('one');
      sample.bytes.writeUInt16LE(100, at + 362);
      await writeXattrs(
        sample,
        'one',
        Buffer.concat([entries, xattrEntries([1, 'more', value(150)])]),
        undefined,
        100,
      );
    });
    assert.deepEqual([...(await (await find(bytes, 'one')).xattrs()).keys()], [...names, 'user.more']);
    assert.equal((await read(bytes, 'one')).toString(), 'file one');
  });
  it('that are cut off, or no lists, are refused', async () => {
    const long = xattrEntries([1, 'note', value(10)]);
    long.writeUInt16LE(2000, 2);
    const cut = await changed(plain, (sample) => writeXattrs(sample, 'one', long));
    await failsWith((await find(cut, 'one')).xattrs(), 'InvalidArgs', /the entry at byte 24 is cut off/);
    const zero = await changed(plain, (sample) =>
      writeXattrs(sample, 'one', xattrEntries([1, 'a\0b', value(1)])),
    );
    await failsWith((await find(zero, 'one')).xattrs(), 'InvalidArgs', /has a zero byte in it/);
    const noAcl = await changed(plain, (sample) =>
      writeXattrs(sample, 'one', xattrEntries([2, '', value(3)])),
    );
    await failsWith((await find(noAcl, 'one')).xattrs(), 'InvalidArgs', /is not an access control list/);
  });
});

describe('inodes', () => {
  it('may be of any kind', async () => {
    const kinds = [
      ['fifo', 0o10644, [0, 0], undefined],
      ['socket', 0o140755, [0, 0], undefined],
      ['character', 0o20600, [0x0103, 0], { major: 1, minor: 3 }],
      ['block', 0o60660, [0, 0x0011_0370], { major: 259, minor: 0x170 }],
    ] as const;
    for (const [kind, mode, device, shown] of kinds) {
      const { stat } = await find(
        await changed(plain, (sample) => writeKind(sample, 'one', mode, device)),
        'one',
      );
      assert.equal(stat.kind, kind);
      assert.equal(stat.mode, mode & 0o7777);
      assert.deepEqual(stat.device, shown);
      assert.equal(stat.size, 0n);
    }
  });
  it('may have several names, owners of 32 bits, and times before 1970', async () => {
    const bytes = await patched(plain, 'one', (all, at) => {
      all.writeUInt32LE(2, at + 12);
      all.writeUInt32LE(4_000_000_000, at + 4);
      all.writeUInt32LE(100_000, at + 8);
      all.writeBigInt64LE(-5n, at + 48);
    });
    const { stat } = await find(bytes, 'one');
    assert.equal(stat.links, 2);
    assert.deepEqual([stat.uid, stat.gid, stat.mtime], [4_000_000_000, 100_000, -5n]);
  });
  const wrong: Readonly<
    Record<string, readonly [write: (bytes: Buffer, at: number) => unknown, message: RegExp, code?: string]>
  > = {
    'of an unknown kind': [
      (bytes, at) => bytes.writeUInt16LE(0x7000, at),
      /has the unknown kind of mode 0o70000/,
    ],
    'that are deleted': [
      (bytes, at) => bytes.writeUInt32LE(0, at + 12),
      /has an entry for inode \d+, which is deleted/,
    ],
    'of impossible sizes': [
      (bytes, at) => bytes.writeBigUInt64LE(2n ** 63n, at + 16),
      /has a size of 9223372036854775808/,
    ],
    'with more in them than there is room for': [
      (bytes, at) => bytes.writeBigUInt64LE(5000n, at + 16),
      /has 5000 bytes in itself, and room for 3\d\d\d/,
    ],
    'with extra attributes that nobody announced': [
      (bytes, at) => (bytes[at + 3]! |= 0x20),
      /has extra attributes, and the file system does not/,
    ],
    'that are encrypted': [(bytes, at) => (bytes[at + 2]! |= 0x04), /uses encryption/, 'NotSupported'],
  };
  for (const [what, [write, message, code = 'InvalidArgs']] of Object.entries(wrong)) {
    it(`${what} are refused`, async () => {
      await failsWith(read(await patched(plain, 'one', write), 'one'), code, message);
    });
  }
  it('with another checksum are refused', async () => {
    await read(checked, 'one');
    const bytes = await patched(checked, 'one', (all, at) => (all[at + 48]! ^= 1));
    await failsWith(read(bytes, 'one'), 'InvalidArgs', /the checksum of inode \d+ does not match/);
  });
});

describe('compressed files', () => {
  const cluster = sampleText.subarray(0, 4 * blockSize);
  const zstd = (): Buffer => execFileSync('zstd', ['-c', '-q'], { input: cluster });
  const algorithms: Readonly<Record<string, readonly [number, () => Buffer]>> = {
    lzo: [0, () => lzoBlock(cluster)],
    lz4: [1, () => lz4Block(cluster)],
    zstd: [2, zstd],
  };
  for (const [name, [algorithm, compress]] of Object.entries(algorithms)) {
    it(`are read: ${name}`, async () => {
      const data = compress();
      for (const checksum of [undefined, f2fsCrc(magicNumber, data)]) {
        const bytes = await changed(compressed, (sample) =>
          writeCluster(sample, 'text', algorithm, data, checksum),
        );
        assert.ok((await read(bytes, 'text')).equals(sampleText));
        const file = await find(bytes, 'text');
        assert.ok((await file.read(5000n, 20_000)).equals(sampleText.subarray(5000, 25_000)));
      }
    });
  }
  it('are read: lzo-rle, a cluster of zeros', async () => {
    // version 1; a literal run of four zeros; runs of zeros; the end
    const run = (length: number): Buffer =>
      Buffer.from([0x18 | ((length - 4) & 7), 0xfc, 0xff, (length - 4) >>> 3]);
    const runs = Array.from({ length: 7 }, () => run(2047));
    const rest = 4 * blockSize - 4 - 7 * 2047;
    const data = Buffer.concat([
      Buffer.from([17, 1, 21, 0, 0, 0, 0]),
      ...runs,
      run(rest),
      Buffer.from([17, 0, 0]),
    ]);
    const bytes = await changed(compressed, (sample) => writeCluster(sample, 'text', 3, data));
    const expected = Buffer.concat([Buffer.alloc(4 * blockSize), sampleText.subarray(4 * blockSize)]);
    assert.ok((await read(bytes, 'text')).equals(expected));
    const unknown = Buffer.from(data);
    unknown[1] = 2;
    const other = await changed(compressed, (sample) => writeCluster(sample, 'text', 3, unknown));
    await failsWith(read(other, 'text'), 'InvalidArgs', /its version is 2, which is not known/);
  });
  it('that cannot be are refused', async () => {
    const data = lz4Block(cluster);
    const at = async (
      path: string,
      write: (bytes: Buffer, at: number) => unknown,
      algorithm = 1,
      checksum?: number,
    ) => {
      const bytes = await changed(compressed, async (sample) => {
        await writeCluster(sample, path, algorithm, data, checksum);
        write(sample.bytes, (await sample.inode(path)).at);
      });
      return read(bytes, path);
    };
    const same = (): void => undefined;
    await failsWith(
      at('text', same, 9),
      'NotSupported',
      /uses the unknown compression algorithm 9 in inode \d+/,
    );
    await failsWith(
      at('text', same, 1, 5),
      'InvalidArgs',
      /the checksum of the compressed cluster at block 0 .* does not match/,
    );
    const log = (bytes: Buffer, inode: number) => bytes.writeUInt8(9, inode + 393);
    await failsWith(at('text', log), 'InvalidArgs', /has clusters of 2\^9 blocks/);
    const none = (bytes: Buffer, inode: number) => bytes.writeUInt32LE(0, inode + 400);
    await failsWith(at('text', none), 'InvalidArgs', /has 0 bytes in 0 blocks/);
    const mark = (bytes: Buffer, inode: number) => bytes.writeUInt32LE(0xffff_fffe, inode + 396 + 5 * 4);
    await failsWith(at('text', mark), 'InvalidArgs', /block 5 of inode \d+ starts a compressed cluster/);
    const short = await changed(compressed, (sample) =>
      writeCluster(sample, 'text', 1, lz4Block(cluster.subarray(0, 100))),
    );
    await failsWith(read(short, 'text'), 'InvalidArgs', /expands to 100 bytes, and should to 16384/);
    const budget = new Budget('foo.raw', { ...limits, blockBytes: 8192 });
    const whole = await changed(compressed, (sample) => writeCluster(sample, 'text', 1, data));
    await failsWith(
      (await find(whole, 'text', budget)).read(0n, 1),
      'LimitsExceeded',
      /clusters of 16384 bytes are larger than 8192/,
    );
  });
});

describe('directories', () => {
  it('are found by their hash tables, and are all there', async () => {
    const many = await find(plain, 'many');
    const names: string[] = [];
    for await (const { name } of many.entries()) names.push(name.toString());
    assert.equal(new Set(names).size, manyEntries);
    for (const name of names) assert.ok(await many.lookup(Buffer.from(name)), name);
    for (const name of ['absent', '', '.', '..', 'a/b', 'n'.repeat(256)]) {
      assert.equal(await many.lookup(Buffer.from(name)), undefined, name);
    }
  });
  it('that are casefolded are searched from end to end', async () => {
    const { bytes } = makeF2fsSample(['-O', 'casefold', '-C', 'utf8']);
    const folded = await patched(bytes, 'many', (all, at) => all.writeUInt32LE(0x4000_0000, at + 80));
    assert.equal((await read(folded, `many/ 0`)).length, 0);
    assert.equal(await (await find(folded, 'many')).lookup(Buffer.from('N 1')), undefined);
  });
  it('with impossible entries are refused', async () => {
    const list = async (bytes: Buffer, path: string): Promise<void> => {
      for await (const entry of (await find(bytes, path)).entries()) assert.ok(entry);
    };
    /** Writes into the first block. */
    const block = (write: (bytes: Buffer, at: number) => unknown): Promise<Buffer> =>
      patched(plain, 'many', (bytes, at) => write(bytes, bytes.readUInt32LE(at + 360) * blockSize));
    const nameLength = 30 + 2 * 11 + 8;
    const long = await block((bytes, at) => bytes.writeUInt16LE(300, at + nameLength));
    await failsWith(
      list(long, 'many'),
      'InvalidArgs',
      /directory block 0 of inode \d+: the entry in slot 2 has a name of 300/,
    );
    const slash = await block((bytes, at) => bytes.write('/', at + 30 + 214 * 11 + 2 * 8));
    await failsWith(list(slash, 'many'), 'InvalidArgs', /the entry in slot \d has an impossible name/);
    const deep = await patched(plain, 'many', (bytes, at) => bytes.writeUInt32LE(64, at + 72));
    await failsWith(find(deep, 'many/x'), 'InvalidArgs', /has 64 hash tables, at most 63 are allowed/);
    const outside = await patched(plain, 'many', (bytes, at) => bytes.writeUInt32LE(77, at + 360));
    await failsWith(
      list(outside, 'many'),
      'InvalidArgs',
      /directory block 0 of inode \d+ is at block 77, outside/,
    );
  });
});

describe('superblock and checkpoint', () => {
  const root = (bytes: Buffer): Promise<TreeNode> => find(bytes, '');
  it('the second superblock serves when the first is damaged', async () => {
    const first = Buffer.from(checked);
    first[1024 + 40]! ^= 1;
    assert.equal((await read(first, 'one')).toString(), 'file one');
    first[blockSize + 1024 + 40]! ^= 1;
    await failsWith(
      root(first),
      'InvalidArgs',
      /the superblock at offset 1024 has a checksum that does not match/,
    );
  });
  const start = plain.readUInt32LE(1024 + 76) * blockSize;
  const packs = [start, start + 512 * blockSize];
  const version = (at: number): bigint => plain.readBigUInt64LE(at);
  it('the newer pack counts, or the one that is whole', async () => {
    const [newer = 0, older = 0] = version(packs[0]!) > version(packs[1]!) ? packs : [...packs].reverse();
    const bytes = Buffer.from(plain);
    bytes[older]! ^= 1;
    assert.equal((await read(bytes, 'one')).toString(), 'file one');
    bytes[newer]! ^= 1;
    await failsWith(
      root(bytes),
      'InvalidArgs',
      /the checkpoint at block \d+ has a checksum that does not match/,
    );
  });
  const fields: readonly (readonly [string, number, number, RegExp, string?])[] = [
    ['version', 4, 7, /uses the unknown version 7/, 'NotSupported'],
    ['feature', 2180, 0x4000_0000, /uses the feature bit 0x40000000/, 'NotSupported'],
    ['named feature', 2180, 0x2, /uses the feature blkzoned/, 'NotSupported'],
    ['device', 2201, 0x2f, /is one of several devices of an f2fs/, 'NotSupported'],
    ['block size', 16, 17, /has blocks of 2\^17 bytes/],
    ['sector size', 8, 12, /has 2\^3 sectors of 2\^12 bytes in a block/],
    ['segment size', 20, 10, /has segments of 2\^10 blocks/],
    ['area', 84, 5, /has the area of node addresses at block 5, inside the one before/],
    ['block count', 36, 5, /has 5 blocks of 4096 bytes, of which the last area needs/],
    ['table', 60, 1, /has 1 segments of node addresses/],
    ['root', 96, 1, /has the root inode 1/],
  ];
  for (const [what, offset, value, message, code = 'InvalidArgs'] of fields) {
    it(`an impossible ${what} is refused`, async () => {
      const bytes = Buffer.from(plain);
      for (const at of [1024, blockSize + 1024]) bytes.writeUInt32LE(value, at + offset);
      await failsWith(root(bytes), code, message);
    });
  }
  it('a node that is not there is refused', async () => {
    const bytes = Buffer.from(plain);
    for (const at of [1024, blockSize + 1024]) bytes.writeUInt32LE(2000, at + 96);
    await failsWith(root(bytes), 'InvalidArgs', /there is no node 2000/);
    for (const at of [1024, blockSize + 1024]) bytes.writeUInt32LE(2_000_000_000, at + 96);
    await failsWith(root(bytes), 'InvalidArgs', /there is no node 2000000000, only \d+/);
  });
  it('is cut off', async () => {
    await failsWith(root(plain.subarray(0, 20 << 20)), 'InvalidArgs', /20971520 bytes are there/);
  });
});
