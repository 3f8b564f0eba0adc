/** squashfs images that are not what they should be: one field changed at a time, and every cap tripped. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { deflateSync } from 'node:zlib';
import type { ErrorCode } from '../../../../src/base/errors.ts';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import type { Limits } from '../../../../src/disk/budget.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import { openSquashfs } from '../../../../src/disk/squashfs/index.ts';
import { listDirectory, resolve } from '../../../../src/disk/walk.ts';
import { treeFacts } from '../../../support/kernel-compare.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import { makeSquashfs, uncompressed } from '../../../support/squashfs-images.ts';

const scratch = scratchDirectory('squashfs-hostile');
const source = join(scratch, 'source');
let plain: Buffer;

before(async () => {
  mkdirSync(join(source, 'deep/deeper'), { recursive: true });
  mkdirSync(join(source, 'alone'));
  writeFileSync(join(source, 'alone/only'), 'only');
  writeFileSync(join(source, 'blocks'), Buffer.alloc(3 * 4096, 'blocks'));
  writeFileSync(join(source, 'fragment'), 'a short file');
  writeFileSync(join(source, 'zz'), '');
  writeFileSync(join(source, 'y'), '');
  writeFileSync(join(source, 'marked'), 'has an xattr');
  symlinkSync('target', join(source, 'link'));
  execFileSync('setfattr', ['-n', 'user.mark', '-v', 'value', join(source, 'marked')]);
  plain = await make([...uncompressed, '-b', '4096', '-nopad']);
});

async function make(options: readonly string[]): Promise<Buffer> {
  const image = join(scratch, 'image');
  await makeSquashfs(source, image, options);
  return readFileSync(image);
}

/** Opens the image and reads all of it. */
async function readAll(bytes: Buffer, limits: Partial<Limits> = {}): Promise<void> {
  const budget = new Budget('foo.raw', { ...defaultLimits, ...limits });
  await treeFacts(await openSquashfs(memorySource(bytes, 'foo.raw'), budget));
}

/** What a change (in place, or a new buffer) leads to: the error's code, and its message, which names the image. */
const leadsTo =
  (change: (bytes: Buffer) => unknown, message: RegExp, code: ErrorCode = 'InvalidArgs') =>
  async () => {
    const bytes = Buffer.from(plain);
    const result = change(bytes);
    const changed = Buffer.isBuffer(result) ? result : bytes;
    await assert.rejects(readAll(changed), (error: Error & { code?: string }) => {
      assert.match(error.message, message);
      assert.match(error.message, /foo\.raw/);
      assert.equal(error.code, code);
      return true;
    });
  };

/** Changes a field of the superblock. */
const set16 = (offset: number, value: number) => (bytes: Buffer) => void bytes.writeUInt16LE(value, offset);
const set32 = (offset: number, value: number) => (bytes: Buffer) => void bytes.writeUInt32LE(value, offset);
const set64 = (offset: number, value: bigint) => (bytes: Buffer) =>
  void bytes.writeBigUInt64LE(value, offset);

it('is read whole when nothing is changed', async () => {
  await readAll(plain);
});

describe('a squashfs superblock', () => {
  it(
    'must be there',
    leadsTo((bytes) => bytes.subarray(0, 95), /95 bytes cannot hold a superblock/),
  );
  it('must have the magic', leadsTo(set32(0, 0), /is not a squashfs/));
  it(
    'must not be big-endian',
    leadsTo((bytes) => void bytes.write('sqsh'), /uses big-endian/, 'NotSupported'),
  );
  it('must be of version 4', leadsTo(set16(28, 3), /uses version 3\.0/, 'NotSupported'));
  it('must be of version 4.0', leadsTo(set16(30, 1), /uses version 4\.1/, 'NotSupported'));
  it('must have a known compressor', leadsTo(set16(20, 9), /uses the unknown compressor 9/, 'NotSupported'));
  it('must have a compressor', leadsTo(set16(20, 0), /uses the unknown compressor 0/, 'NotSupported'));
  for (const size of [0, 1, 2048, 4097, 12288, 2097152, 0x80000000]) {
    it(
      `must not have blocks of ${size} bytes`,
      leadsTo(set32(12, size), new RegExp(`has ${size} as block size`)),
    );
  }
  it('must have a logarithm that fits', leadsTo(set16(22, 13), /4096 as block size, but 13/));
  it(
    'must not claim more than there is',
    leadsTo(set64(40, 1n << 40n), /says that it has 1099511627776 bytes, and there are/),
  );
  it(
    'must not be of a truncated image',
    leadsTo((bytes) => bytes.subarray(0, -1), /says that it has \d+ bytes/),
  );
  it('must have ids', leadsTo(set16(26, 0), /id table is empty/));
  for (const [table, offset] of [
    ['id', 48],
    ['xattr', 56],
    ['inode', 64],
    ['directory', 72],
    ['fragment', 80],
  ] as const) {
    for (const position of [0n, 95n, 1n << 50n, (1n << 64n) - 2n]) {
      it(
        `must not have the ${table} table at ${position}`,
        leadsTo(set64(offset, position), new RegExp(`the ${table} table would be at ${position}`)),
      );
    }
  }
  it(
    'must have inodes before directories',
    leadsTo(
      (bytes) => void bytes.writeBigUInt64LE(bytes.readBigUInt64LE(72), 64),
      /is not before the directory table/,
    ),
  );
  it(
    'must have room for its ids',
    leadsTo(
      (bytes) => void bytes.writeBigUInt64LE(bytes.readBigUInt64LE(40) - 4n, 48),
      /id table at \d+ has no room/,
    ),
  );
  it(
    'must have room for its fragments',
    leadsTo(set32(16, 0xffffffff), /fragment table at \d+ has no room for its 4294967295/),
  );
  it(
    'must have its root among the inodes',
    leadsTo(set64(32, 0xffffffff0000n), /is outside the inode table/),
  );
  it('must have a root that is there', leadsTo(set64(32, 0x1fffn), /metadata block at \d+ ends at/));
  it('must have the version of lz4 that is known', async () => {
    const bytes = await make(['-comp', 'lz4']);
    bytes.writeUInt32LE(2, 98);
    await assert.rejects(readAll(bytes), { code: 'NotSupported', message: /uses version 2 of lz4/ });
    bytes.writeUInt16LE(0, 24);
    await assert.rejects(readAll(bytes), {
      code: 'InvalidArgs',
      message: /options that lz4 must have are missing/,
    });
  });
});

describe('squashfs metadata', () => {
  const table = (bytes: Buffer) => Number(bytes.readBigUInt64LE(64));
  it(
    'must not be empty',
    leadsTo(
      (bytes) => void bytes.writeUInt16LE(0x8000, table(bytes)),
      /metadata block at \d+ has a stored size of 0/,
    ),
  );
  it(
    'must not be larger than a block',
    leadsTo((bytes) => void bytes.writeUInt16LE(0xa001, table(bytes)), /has a stored size of 8193 bytes/),
  );
  it(
    'must end inside the image',
    leadsTo((bytes) => {
      // an id table whose only block is the image's last byte
      bytes.writeBigUInt64LE(BigInt(bytes.length - 1), Number(bytes.readBigUInt64LE(48)));
    }, /metadata block at \d+ is outside the image/),
  );
  it('must decompress', async () => {
    const bytes = await make(['-comp', 'gzip', '-nopad']);
    bytes[table(bytes) + 20]! ^= 0xff;
    await assert.rejects(readAll(bytes), {
      code: 'InvalidArgs',
      message: /zlib block at offset \d+ cannot be decompressed/,
    });
  });
  it('must not expand without bound', async () => {
    const bytes = await make(['-comp', 'gzip', '-no-fragments', '-noD', '-nopad']);
    const bomb = deflateSync(Buffer.alloc(1 << 20));
    bytes.writeUInt16LE(bomb.length, 96);
    bomb.copy(bytes, 98);
    bytes.writeBigUInt64LE(96n, 64);
    bytes.writeBigUInt64LE(0n, 32);
    await assert.rejects(readAll(bytes), { code: 'InvalidArgs', message: /expands to more than 8192 bytes/ });
  });
});

/** Index of an entry's name in the directory table. */
function nameAt(bytes: Buffer, name: string): number {
  const at = bytes.indexOf(name, Number(bytes.readBigUInt64LE(72)));
  assert.ok(at > 0);
  return at;
}

describe('a squashfs directory', () => {
  const rename = (name: string, to: string) =>
    leadsTo((bytes) => void bytes.write(to, nameAt(bytes, name)), /a directory entry is called/);
  it('must not have a name with a slash', rename('fragment', 'fr/gment'));
  it('must not have a name with a NUL', rename('fragment', 'fr\0gment'));
  it('must not have ..', rename('zz', '..'));
  it(
    'must not have .',
    leadsTo((bytes) => {
      // the name is a single byte: found by the entry before it, "marked" … "y" … "zz" in order
      bytes.write('.', nameAt(bytes, 'zz') - 9);
    }, /a directory entry is called/),
  );
  it(
    'must have names of at most 256 bytes',
    leadsTo((bytes) => void bytes.writeUInt16LE(256, nameAt(bytes, 'only') - 2), /a name of 257 bytes/),
  );
  it(
    'must have kinds that there are',
    leadsTo(
      (bytes) => void bytes.writeUInt16LE(8, nameAt(bytes, 'only') - 4),
      /an entry of the unknown type 8/,
    ),
  );
  it(
    'must have the kinds of its inodes',
    leadsTo(
      (bytes) => void bytes.writeUInt16LE(1, nameAt(bytes, 'only') - 4),
      /is a file, and its entry says directory/,
    ),
  );
  it(
    'must have runs of at most 256',
    leadsTo((bytes) => void bytes.writeUInt32LE(256, nameAt(bytes, 'only') - 20), /a run of 257 entries/),
  );
  it(
    'must have runs that it has room for',
    leadsTo((bytes) => void bytes.writeUInt32LE(1, nameAt(bytes, 'only') - 20), /goes beyond its 24 bytes/),
  );
  it(
    'must have inodes inside the table',
    leadsTo(
      (bytes) => void bytes.writeUInt32LE(0xffffff, nameAt(bytes, 'only') - 16),
      /is outside the inode table/,
    ),
  );
  it(
    'must have inodes inside their block',
    leadsTo(
      (bytes) => void bytes.writeUInt16LE(0xfff0, nameAt(bytes, 'only') - 8),
      /metadata block at \d+ ends at/,
    ),
  );
  it('cannot hang whoever goes round in circles', async () => {
    const bytes = Buffer.from(plain);
    // "deeper" is the root
    bytes.writeUInt16LE(Number(bytes.readBigUInt64LE(32)), nameAt(bytes, 'deeper') - 8);
    const budget = new Budget('foo.raw');
    const tree = await openSquashfs(memorySource(bytes, 'foo.raw'), budget);
    const round = await resolve(tree, '/deep/deeper/deep/deeper/fragment', budget, { follow: true });
    assert.equal(round?.node.stat.kind, 'file');
    await assert.rejects(resolve(tree, '/deep/deeper'.repeat(200), budget, { follow: true }), {
      code: 'LimitsExceeded',
    });
  });
});

/** Index of the inode of a kind and number in the inode table. */
function inodeAt(bytes: Buffer, type: number, matches: (at: number) => boolean): number {
  for (let at = Number(bytes.readBigUInt64LE(64)) + 2; at < Number(bytes.readBigUInt64LE(72)); at++) {
    if (bytes.readUInt16LE(at) === type && matches(at)) return at;
  }
  throw new Error(`no inode of type ${type}`);
}

describe('a squashfs inode', () => {
  /** The file of three blocks; of the other one, in a fragment. */
  const blocks = (bytes: Buffer) => inodeAt(bytes, 2, (at) => bytes.readUInt32LE(at + 28) === 3 * 4096);
  const fragment = (bytes: Buffer) => inodeAt(bytes, 2, (at) => bytes.readUInt32LE(at + 28) === 12);
  const link = (bytes: Buffer) =>
    inodeAt(bytes, 3, (at) => bytes.toString('latin1', at + 24, at + 30) === 'target');

  for (const type of [0, 15, 0xffff]) {
    it(
      `must not be of type ${type}`,
      leadsTo(
        (bytes) => void bytes.writeUInt16LE(type, blocks(bytes)),
        new RegExp(`of the unknown type ${type}`),
      ),
    );
  }
  it(
    'must have an owner in the table',
    leadsTo(
      (bytes) => void bytes.writeUInt16LE(999, blocks(bytes) + 4),
      /id 999 is asked for, and there are/,
    ),
  );
  it(
    'must have its blocks listed',
    leadsTo(
      (bytes) => void bytes.writeUInt32LE(0xffffffff, blocks(bytes) + 28),
      /a file of 4294967295 bytes has more blocks than/,
    ),
  );
  it(
    'must have blocks inside the image',
    leadsTo(
      (bytes) => void bytes.writeUInt32LE(0xfffffff0, blocks(bytes) + 16),
      /data block at 4294967280 is 4096 bytes long, and the image ends/,
    ),
  );
  it(
    'must have blocks no larger than blocks are',
    leadsTo((bytes) => void bytes.writeUInt32LE(0x01ffffff, blocks(bytes) + 32), /has 0x1ffffff as size/),
  );
  it(
    'must have sizes without unknown bits',
    leadsTo((bytes) => void bytes.writeUInt32LE(0x41001000, blocks(bytes) + 32), /has 0x41001000 as size/),
  );
  it(
    'must have full blocks',
    leadsTo(
      (bytes) => void bytes.writeUInt32LE(0x01000000 | 100, blocks(bytes) + 32),
      /has 100 bytes instead of 4096/,
    ),
  );
  it(
    'must have a fragment that there is',
    leadsTo((bytes) => void bytes.writeUInt32LE(77, fragment(bytes) + 20), /fragment 77 is asked for/),
  );
  it(
    'must be inside its fragment',
    leadsTo(
      (bytes) => void bytes.writeUInt32LE(4090, fragment(bytes) + 24),
      /12 bytes at 4090 of fragment 0 are more than a block/,
    ),
  );
  it(
    'must be inside what the fragment holds',
    leadsTo(
      (bytes) => void bytes.writeUInt32LE(1000, fragment(bytes) + 24),
      /has \d+ bytes, and 1012 are needed/,
    ),
  );
  it(
    'must have a fragment when there are some',
    leadsTo((bytes) => {
      bytes.writeUInt32LE(0, 16);
    }, /a file is in fragment 0, and there are none/),
  );
  it(
    'must have a target that can be one',
    leadsTo(
      (bytes) => void bytes.writeUInt32LE(4097, link(bytes) + 20),
      /the target of a symlink has 4097 bytes/,
    ),
  );
});

/** A stream of metadata, cut into blocks that are not compressed. */
function metadataBlocks(stream: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += 8192) {
    const content = stream.subarray(at, at + 8192);
    const header = Buffer.alloc(2);
    header.writeUInt16LE(0x8000 | content.length);
    blocks.push(header, content);
  }
  return Buffer.concat(blocks);
}

describe('squashfs xattrs', () => {
  const name = (bytes: Buffer) => bytes.indexOf('mark', Number(bytes.readBigUInt64LE(48)));
  it(
    'must be in a known name space',
    leadsTo(
      (bytes) => void bytes.writeUInt16LE(3, name(bytes) - 4),
      /uses the unknown xattr name space 3/,
      'NotSupported',
    ),
  );
  it(
    'must have names',
    leadsTo((bytes) => void bytes.writeUInt16LE(0, name(bytes) - 2), /an xattr has a name of 0 bytes/),
  );
  it(
    'must have names of at most 255 bytes',
    leadsTo((bytes) => void bytes.writeUInt16LE(256, name(bytes) - 2), /an xattr has a name of 256 bytes/),
  );
  it(
    'must not have a NUL in a name',
    leadsTo((bytes) => void bytes.writeUInt8(0, name(bytes) + 1), /has a NUL in its name/),
  );
  it(
    'must have values of at most 64 KiB',
    leadsTo(
      (bytes) => void bytes.writeUInt32LE(65537, name(bytes) + 4),
      /an xattr has a value of 65537 bytes/,
    ),
  );
  it(
    'must have references of 8 bytes',
    leadsTo(
      (bytes) => void bytes.writeUInt16LE(0x100, name(bytes) - 4),
      /the reference to an xattr value has 5 bytes/,
    ),
  );
  it(
    'must be in the table',
    leadsTo((bytes) => {
      const marked = inodeAt(bytes, 9, () => true);
      bytes.writeUInt32LE(5, marked + 52);
    }, /xattr set 5 is asked for, and there are 1/),
  );
  /** Gives the marked file other xattrs: `count` of them, with names and values of so many bytes. */
  const many = (count: number, nameBytes: number, valueBytes: number) => () => {
    const pairs = Array.from({ length: count }, (_, i) => {
      const fixed = Buffer.alloc(4);
      fixed.writeUInt16LE(nameBytes, 2);
      const size = Buffer.alloc(4);
      size.writeUInt32LE(valueBytes);
      return Buffer.concat([
        fixed,
        Buffer.from(String(i).padStart(nameBytes, 'n')),
        size,
        Buffer.alloc(valueBytes),
      ]);
    });
    const set = Buffer.alloc(16);
    set.writeUInt32LE(count, 8);
    const header = Buffer.alloc(24);
    const pairBlocks = metadataBlocks(Buffer.concat(pairs));
    header.writeBigUInt64LE(BigInt(plain.length), 0);
    header.writeUInt32LE(1, 8);
    header.writeBigUInt64LE(BigInt(plain.length + pairBlocks.length), 16);
    const bytes = Buffer.concat([plain, pairBlocks, metadataBlocks(set), header]);
    bytes.writeBigUInt64LE(BigInt(bytes.length), 40);
    bytes.writeBigUInt64LE(BigInt(bytes.length - header.length), 56);
    return bytes;
  };
  it('may be many', async () => {
    await readAll(many(200, 255, 1000)());
  });
  it(
    'must not have more names than Linux lists',
    leadsTo(many(260, 255, 1), /names of more than 65536 bytes/, 'LimitsExceeded'),
  );
  it(
    'must not have values without end',
    leadsTo(many(70, 10, 65536), /values of more than 4194304 bytes/, 'LimitsExceeded'),
  );
});

describe('the caps on reading a squashfs', () => {
  const limited =
    (limits: Partial<Limits>, message: RegExp, bytes: () => Promise<Buffer> = () => Promise.resolve(plain)) =>
    async () => {
      await assert.rejects(readAll(await bytes(), limits), {
        code: 'LimitsExceeded',
        message,
        file: 'foo.raw',
      });
    };
  it(
    'include the size of blocks',
    limited({ blockBytes: 65536 }, /blocks of 131072 bytes/, () => make([])),
  );
  it('include metadata blocks', limited({ metadataBlocks: 2 }, /more than 2 metadata blocks/));
  it('include directory entries', limited({ directoryEntries: 9 }, /more than 9 directory entries/));
  it('include time', async () => {
    let now = 0;
    const budget = new Budget('foo.raw', defaultLimits, () => (now += 1000));
    const tree = await openSquashfs(memorySource(plain, 'foo.raw'), budget);
    await assert.rejects(
      async () => {
        for (let i = 0; i < 100; i++) await listDirectory(tree, '/', budget);
      },
      { code: 'LimitsExceeded', message: /longer than 30000 ms/ },
    );
  });
});
