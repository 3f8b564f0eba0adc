/** What an image may not say: each corrupt structure, unknown feature and exceeded limit is an error that names it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import type { Limits } from '../../../../src/disk/budget.ts';
import { isErofs, openErofs } from '../../../../src/disk/erofs/index.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import { ErofsBuilder, directoryMode, direntBlock, symlinkMode } from '../../../support/erofs-builder.ts';
import { fixtureImage, openBytes } from '../../../support/erofs-image.ts';
import { failsWith } from '../../../support/fails-with.ts';

import { fileOf, list, readAll, rootOf, withFile } from '../../../support/erofs-file.ts';

const corrupt = 'InvalidArgs';
const refused = 'NotSupported';

describe('superblock', () => {
  const image = () => new ErofsBuilder().directory(0, []);
  const opening = (builder: ErofsBuilder) => openBytes(builder.bytes);

  it('recognises erofs by its magic only', async () => {
    const { bytes } = image();
    assert.equal(await isErofs(memorySource(bytes)), true);
    assert.equal(await isErofs(memorySource(bytes.subarray(0, 1100))), false);
    assert.equal(await isErofs(memorySource(Buffer.alloc(4096))), false);
    assert.equal(await isErofs(memorySource(Buffer.alloc(0))), false);
    await failsWith(
      openBytes(Buffer.alloc(4096)),
      corrupt,
      /'test.erofs'.*no erofs superblock at offset 1024/,
    );
  });

  it('checks the checksum when there is one', async () => {
    const bytes = fixtureImage('zstd');
    await openBytes(bytes);
    bytes[1024 + 0x40] = bytes[1024 + 0x40]! ^ 1;
    await failsWith(openBytes(bytes), corrupt, /superblock's checksum is 0x[0-9a-f]+, its bytes give 0x/);
  });

  it('notices an image cut short', async () => {
    const { bytes } = image();
    await failsWith(
      openBytes(bytes.subarray(0, -1)),
      corrupt,
      /the superblock says 32768 bytes, there are 32767/,
    );
  });

  it('names unknown features, layouts and sizes', async () => {
    await failsWith(
      opening(image().superblock({ 0x50: 0x200 })),
      refused,
      /unknown feature bit 9 \(feature_incompat 0x200\)/,
    );
    await failsWith(opening(image().superblock({ 0x50: 0x80000001 })), refused, /unknown feature bit 31/);
    for (const bits of [0, 8, 17, 255]) {
      const builder = image();
      builder.bytes.writeUInt8(bits, 1024 + 0x0c);
      await failsWith(opening(builder), refused, new RegExp(`blocks of 2\\^${bits} bytes`));
    }
    const directoryBlocks = image();
    directoryBlocks.bytes.writeUInt8(1, 1024 + 0x5a);
    await failsWith(opening(directoryBlocks), refused, /directory blocks of 2\^1 blocks/);
  });

  it('refuses images that need other files', async () => {
    const builder = image().superblock({ 0x50: 0x8 });
    builder.bytes.writeUInt16LE(3, 1024 + 0x56);
    await failsWith(opening(builder), refused, /3 more devices or blob files/);
  });

  it('names unknown compression algorithms and configurations', async () => {
    const configured = (algorithms: number, ...records: readonly (readonly number[])[]) => {
      const builder = image().superblock({ 0x50: 0x2, 0x54: algorithms });
      builder.bytes.set(records.flat(), 1024 + 128);
      return opening(builder);
    };
    const lz4 = [14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    await configured(1, lz4);
    await failsWith(configured(0x11, lz4), refused, /unknown compression algorithm 4/);
    await failsWith(configured(1, [3, 0]), corrupt, /LZ4 configuration at offset 1152 has 3 bytes/);
    const lzma = (dictionary: number, format: number) => [
      14,
      0,
      0,
      0,
      0,
      dictionary,
      format,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ];
    await configured(3, lz4, lzma(0, 0));
    await failsWith(
      configured(3, lz4, lzma(1, 0)),
      refused,
      /LZMA compression with a dictionary of 16777216 bytes/,
    );
    await failsWith(configured(2, lzma(0, 7)), refused, /LZMA compression with the unknown format 7/);
    await failsWith(configured(4, [6, 0, 16]), refused, /DEFLATE compression with a window of 2\^16 bytes/);
    await failsWith(
      configured(8, [6, 0, 0, 11]),
      refused,
      /Zstandard compression with a window of 2\^21 bytes/,
    );
    await failsWith(configured(8, [6, 0, 1, 0]), refused, /Zstandard compression with the unknown format 1/);
  });

  it('does not follow a metabox into itself, or where there is none', async () => {
    const builder = image().superblock({ 0x50: 0x100 });
    await failsWith(opening(builder), corrupt, /a superblock without room for its node number/);
    builder.bytes.writeUInt8(1, 1024 + 0x0d);
    builder.bytes.writeBigUInt64LE(1n << 63n, 1024 + 0x80);
    await failsWith(opening(builder), corrupt, /the metabox would be in itself/);
    const without = image().superblock({ 0x50: 0x80, 0x74: 0x80000000 });
    await failsWith(rootOf(without), corrupt, /would be in a metabox, which is not there/);
  });
});

describe('inodes', () => {
  it('has none outside the image', async () => {
    await failsWith(
      rootOf(new ErofsBuilder({ root: 60000 })),
      corrupt,
      /32 bytes of metadata at offset 1924096 are outside its 32768 bytes/,
    );
  });

  it('names unknown types and layouts', async () => {
    await failsWith(rootOf(new ErofsBuilder()), corrupt, /inode 0 has the unknown file type 0o0/);
    await failsWith(fileOf(withFile({ layout: 5 })), refused, /unknown data layout 5 in inode 16/);
    await failsWith(fileOf(withFile({ extended: true, size: 1n << 63n })), corrupt, /inode 16 has a size of/);
  });

  it('answers only what its kind has', async () => {
    const root = await rootOf(withFile({ size: 0 }));
    const file = (await root.lookup(Buffer.from('f')))!;
    await failsWith(root.read(0n, 1), corrupt, /inode 0 of 'test.erofs' is a directory, not a file/);
    await failsWith(root.readlink(), corrupt, /not a symlink/);
    await failsWith(file.lookup(Buffer.from('x')), corrupt, /is a file, not a directory/);
    await failsWith(list(file), corrupt, /is a file, not a directory/);
  });

  it('limits symlink targets', async () => {
    const target = Buffer.alloc(4096, 't');
    const symlink = (size: number) => withFile({ mode: symlinkMode, detail: 4, size }).block(4, target);
    assert.deepEqual(await (await fileOf(symlink(4096))).readlink(), target);
    await failsWith((await fileOf(symlink(4097))).readlink(), corrupt, /target of symlink 16 has 4097 bytes/);
  });
});

describe('directories', () => {
  const named = (...names: readonly (string | Buffer)[]) =>
    new ErofsBuilder().directory(
      0,
      names.map((name) => ({ node: 0, name, type: 2 })),
    );

  it('refuses names that no file can have', async () => {
    for (const name of ['a/b', '/', 'a\0b', '', 'n'.repeat(256)]) {
      await failsWith(rootOf(named('.', '..', name, 'z')).then(list), corrupt, /directory 0 has the name/);
    }
  });

  it('leaves out dots wherever they are, and does not find them', async () => {
    const root = await rootOf(named('..', '.', 'a', '...'));
    assert.deepEqual(await list(root), ['a', '...']);
    for (const name of ['.', '..', '', 'a/b', 'a\0', 'n'.repeat(256)]) {
      assert.equal(await root.lookup(Buffer.from(name)), undefined);
    }
  });

  it('takes kinds from inodes where entries do not tell', async () => {
    const builder = new ErofsBuilder().directory(0, [{ node: 0, name: 'd', type: 0 }]);
    const kinds: string[] = [];
    for await (const { kind } of (await rootOf(builder)).entries()) kinds.push(kind);
    assert.deepEqual(kinds, ['directory']);
  });

  it('checks offsets of names', async () => {
    const withBlock = (change: (block: Buffer) => void, size?: number) => {
      const block = direntBlock([
        { node: 0, name: 'a', type: 2 },
        { node: 0, name: 'b', type: 2 },
      ]);
      change(block);
      return rootOf(
        new ErofsBuilder().inode(0, {
          mode: directoryMode,
          layout: 2,
          size: size ?? block.length,
          tail: block,
        }),
      );
    };
    for (const first of [0, 11, 13, 36, 65532]) {
      const root = withBlock((block) => block.writeUInt16LE(first, 8));
      await failsWith(
        root.then(list),
        corrupt,
        new RegExp(`block 0 of directory 0 has its first name at offset ${first}`),
      );
    }
    for (const second of [0, 23, 27, 65535]) {
      const root = withBlock((block) => block.writeUInt16LE(second, 20));
      await failsWith(root.then(list), corrupt, /block 0 of directory 0 has a name from/);
    }
    await failsWith(
      withBlock(() => undefined, 11).then(list),
      corrupt,
      /block 0 of directory 0 has only 11 bytes/,
    );
  });

  it('ends on directories of any size', async () => {
    const huge = () => {
      const builder = new ErofsBuilder().inode(0, {
        mode: directoryMode,
        extended: true,
        size: (1n << 62n) + 5n,
        detail: 5,
      });
      return builder.block(5, direntBlock([{ node: 0, name: 'only', type: 2 }]));
    };
    await failsWith(rootOf(huge()).then(list), corrupt, /block 1 of directory 0|outside its 32768 bytes/);
    await failsWith(
      rootOf(huge()).then((root) => root.lookup(Buffer.from('x'))),
      corrupt,
      /outside its 32768 bytes/,
    );
    const zeros = new ErofsBuilder().inode(0, {
      mode: directoryMode,
      extended: true,
      size: 1n << 62n,
      detail: -1,
    });
    await failsWith(rootOf(zeros).then(list), corrupt, /first name at offset 0/);
  });
});

describe('plain content', () => {
  it('is inside the image', async () => {
    await failsWith(readAll(withFile({ size: 4096, detail: 8 })), corrupt, /outside its 32768 bytes/);
    await failsWith(
      readAll(withFile({ size: 4096, detail: 0xfffffffe })),
      corrupt,
      /outside its 32768 bytes/,
    );
    assert.deepEqual(await readAll(withFile({ size: 5000, detail: -1 })), Buffer.alloc(5000));
  });

  it('has inline data in the block of its inode', async () => {
    const inline = withFile({ layout: 2, size: 3, tail: Buffer.from('abc') });
    assert.equal((await readAll(inline)).toString(), 'abc');
    await failsWith(
      readAll(withFile({ layout: 2, size: 4000 })),
      corrupt,
      /4000 bytes of inline data of inode 16 are not inside one block/,
    );
    await failsWith(
      readAll(withFile({ layout: 2, size: 8192, detail: 3 })),
      corrupt,
      /4096 bytes of inline data/,
    );
  });

  it('has chunks on this device only, in a known format', async () => {
    const index = Buffer.from('0000000004000000', 'hex');
    const chunked = (format: number, tail: Buffer) =>
      withFile({ layout: 4, size: 5, detail: format, tail }).block(4, Buffer.from('chunk'));
    assert.equal((await readAll(chunked(0x20, index))).toString(), 'chunk');
    assert.equal((await readAll(chunked(0x00, index.subarray(4)))).toString(), 'chunk');
    await failsWith(
      readAll(chunked(0x20, Buffer.from('0000010004000000', 'hex'))),
      corrupt,
      /a chunk of inode 16 is on device 1/,
    );
    await failsWith(readAll(chunked(0x80, index)), refused, /unknown chunk format 0x80 in inode 16/);
    await failsWith(
      readAll(chunked(0x20, Buffer.from('0000000000000001', 'hex'))),
      corrupt,
      /outside its 32768 bytes/,
    );
    assert.deepEqual(await readAll(chunked(0x3f, Buffer.alloc(8, 0xff))), Buffer.alloc(5));
  });

  it('has blocks of up to 64 KiB', async () => {
    const content = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 251));
    const builder = withFile({ size: 70_000, detail: 2 }, { blockBits: 16, blocks: 4 }).block(2, content);
    assert.deepEqual(await readAll(builder), content);
    assert.deepEqual(await list(await rootOf(builder)), ['f']);
    const tail = { layout: 2, size: 65_545, detail: 2, tail: Buffer.from('its tail.') };
    const inline = withFile(tail, { blockBits: 16, blocks: 4 }).block(2, content);
    assert.deepEqual(
      await readAll(inline),
      Buffer.concat([content.subarray(0, 65_536), Buffer.from('its tail.')]),
    );
  });
});

describe('limits', () => {
  const limited = (limits: Partial<Limits>): Limits => ({ ...defaultLimits, ...limits });

  it('counts directory entries', async () => {
    const many = new ErofsBuilder().directory(
      0,
      ['a', 'b', 'c'].map((name) => ({ node: 0, name, type: 2 })),
    );
    assert.equal((await list(await rootOf(many, limited({ directoryEntries: 3 })))).length, 3);
    await failsWith(
      rootOf(many, limited({ directoryEntries: 2 })).then(list),
      'LimitsExceeded',
      /more than 2 directory entries/,
    );
  });

  it('counts metadata blocks', async () => {
    const bytes = fixtureImage('dot-omitted');
    const walk = async (limits: Limits) => {
      const root = await (await openBytes(bytes, limits)).root();
      return list((await root.lookup(Buffer.from('many')))!);
    };
    await walk(limited({ metadataBlocks: 10 }));
    await failsWith(walk(limited({ metadataBlocks: 2 })), 'LimitsExceeded', /more than 2 metadata blocks/);
  });

  it('limits compressed clusters', async () => {
    const read = async (limits: Limits) => {
      const root = await (await openBytes(fixtureImage('zstd'), limits)).root();
      return (await root.lookup(Buffer.from('letters')))!.read(0n, 10);
    };
    assert.equal((await read(limited({ blockBytes: 8192 * 2 }))).toString(), 'abcabcabca');
    await failsWith(
      read(limited({ blockBytes: 4096 })),
      'LimitsExceeded',
      /a compressed cluster of \d+ bytes for 100001 bytes/,
    );
  });

  it('ends in time', async () => {
    let now = 0;
    const budget = new Budget('test.erofs', defaultLimits, () => now);
    const root = await (await openErofs(memorySource(fixtureImage('zstd')), budget)).root();
    const file = (await root.lookup(Buffer.from('lines')))!;
    now = 1_000_000;
    await failsWith(file.read(0n, 10), 'LimitsExceeded', /longer than 30000 ms/);
  });
});
