/** What an image may not say: each corrupt structure, unknown feature and exceeded limit is an error that names it: extended attributes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErofsBuilder } from '../../../support/erofs-builder.ts';
import { failsWith } from '../../../support/fails-with.ts';

import { fileOf, withFile } from '../../../support/erofs-file.ts';

const corrupt = 'InvalidArgs';

describe('extended attributes', () => {
  /** Header with `shared` ids, then entries. */
  const area = (shared: readonly number[], ...entries: readonly Buffer[]) => {
    const header = Buffer.alloc(12 + shared.length * 4);
    header.writeUInt8(shared.length, 4);
    shared.forEach((id, i) => header.writeUInt32LE(id, 12 + i * 4));
    return Buffer.concat([header, ...entries]);
  };
  const entry = (
    prefix: number,
    name: string,
    value: string,
    { nameLength = name.length, valueLength = value.length } = {},
  ) => {
    const bytes = Buffer.alloc((4 + name.length + value.length + 3) & ~3);
    bytes.writeUInt8(nameLength, 0);
    bytes.writeUInt8(prefix, 1);
    bytes.writeUInt16LE(valueLength, 2);
    bytes.write(name + value, 4, 'latin1');
    return bytes;
  };
  const xattrsOf = async (tail: Buffer, change: (builder: ErofsBuilder) => unknown = () => undefined) => {
    const builder = withFile({ xattrWords: (tail.length - 12) / 4 + 1, tail });
    change(builder);
    return Object.fromEntries(
      [...(await (await fileOf(builder)).xattrs())].map(([name, value]) => [name, value.toString()]),
    );
  };

  it('has built-in prefixes; what has none is invisible; the first of a name counts', async () => {
    const entries = [
      entry(1, 'a', '1'),
      entry(2, '', 'acl'),
      entry(4, 't', '2'),
      entry(6, 's', ''),
      entry(0, 'hidden', 'x'),
      entry(9, 'hidden', 'x'),
      entry(0x81, 'hidden', 'x'),
      entry(1, 'a', 'again'),
    ];
    assert.deepEqual(await xattrsOf(area([], ...entries)), {
      'user.a': '1',
      'system.posix_acl_access': 'acl',
      'trusted.t': '2',
      'security.s': '',
    });
  });

  it('ends at the zeros that fill the area', async () => {
    assert.deepEqual(await xattrsOf(area([], entry(1, 'a', '1'), Buffer.alloc(8))), { 'user.a': '1' });
  });

  it('has shared ones at their place', async () => {
    const share = (builder: ErofsBuilder) =>
      builder.superblock({ 0x2c: 5 }).block(5, Buffer.concat([Buffer.alloc(8), entry(1, 'b', 'two')]));
    assert.deepEqual(await xattrsOf(area([2]), share), { 'user.b': 'two' });
    await failsWith(xattrsOf(area([0]), share), corrupt, /no shared xattr at offset 20480/);
    await failsWith(xattrsOf(area([0xffffffff]), share), corrupt, /outside its 32768 bytes/);
  });

  it('has entries inside their area', async () => {
    await failsWith(
      xattrsOf(area([], entry(1, 'a', '1', { nameLength: 200 }))),
      corrupt,
      /an xattr is longer than the area it is in/,
    );
    await failsWith(
      xattrsOf(area([], entry(1, 'a', '1', { valueLength: 0xffff }))),
      corrupt,
      /an xattr is longer/,
    );
    await failsWith(xattrsOf(area([], entry(1, 'a\0', '1'))), corrupt, /name of an xattr has a NUL/);
    const many = area([]);
    many.writeUInt8(255, 4);
    await failsWith(xattrsOf(many), corrupt, /inode 16 shares more xattrs than there is room for/);
  });

  it('limits their total size', async () => {
    const blocks = 64;
    const ids = Array.from({ length: 40 }, () => 0);
    const tail = area(ids);
    const builder = withFile({ xattrWords: (tail.length - 12) / 4 + 1, tail }, { blocks }).superblock({
      0x2c: 20,
    });
    builder.block(20, entry(1, 'big', 'x'.repeat(65_000)));
    await failsWith(
      (await fileOf(builder)).xattrs(),
      'LimitsExceeded',
      /inode 16 has more than 1048576 bytes of xattrs/,
    );
  });

  it('has a table of long prefixes inside the image', async () => {
    const prefixed = (start: number, table: Buffer) => (builder: ErofsBuilder) => {
      builder.superblock({ 0x50: 0x40, 0x5c: start }).block(5, table);
      builder.bytes.writeUInt8(1, 1024 + 0x5b);
    };
    const table = Buffer.from('\x05\x00\x01long', 'latin1').fill(0x2e, 6, 7);
    const long = area([], entry(0x80, 'name', 'v'));
    assert.deepEqual(await xattrsOf(long, prefixed(5120, table)), { 'user.lon.name': 'v' });
    await failsWith(
      xattrsOf(long, prefixed(5120, Buffer.alloc(8))),
      corrupt,
      /xattr name prefix at offset 20480 is empty/,
    );
    await failsWith(xattrsOf(long, prefixed(0x7fffffff, table)), corrupt, /outside its 32768 bytes/);
  });
});
