/** What an image may not say: each corrupt structure, unknown feature and exceeded limit is an error that names it: compressed content. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Budget } from '../../../../src/disk/budget.ts';
import { openErofs } from '../../../../src/disk/erofs/index.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import { compressionMap, fullIndex } from '../../../support/erofs-builder.ts';
import type { IndexEntry, ErofsBuilder } from '../../../support/erofs-builder.ts';
import { failsWith } from '../../../support/fails-with.ts';

import { fileNode, fileOf, readAll, withFile } from '../../../support/erofs-file.ts';

const corrupt = 'InvalidArgs';
const refused = 'NotSupported';

describe('compressed content', () => {
  /** LZ4 for 20 bytes of 'a': one literal, a match of 14, and the last five as literals. */
  const twentyAs = Buffer.from([0x1a, 0x61, 0x01, 0x00, 0x50, 0x61, 0x61, 0x61, 0x61, 0x61]);

  interface Compressed {
    readonly size?: number | bigint;
    readonly header?: Parameters<typeof compressionMap>[0];
    readonly features?: number;
    readonly entries: readonly IndexEntry[];
  }
  const compressed = ({ size = 20, header = {}, features = 0, entries }: Compressed) =>
    withFile({ layout: 1, size, extended: true, tail: compressionMap(header, fullIndex(...entries)) })
      .superblock({ 0x50: features })
      .block(4, twentyAs);
  const head = (value = 4, offset = 0) => ({ type: 1, value, offset });
  const plain = (value = 4, offset = 0) => ({ type: 0, value, offset });
  const rest = (value = 1) => ({ type: 2, value });

  it('is read at the start of its cluster, or after the zeros before it', async () => {
    assert.equal((await readAll(compressed({ entries: [head()] }))).toString(), 'a'.repeat(20));
    const padded = compressed({ features: 1, entries: [head()] });
    padded.block(4, Buffer.alloc(4096)).bytes.set(twentyAs, 5 * 4096 - twentyAs.length);
    assert.equal((await readAll(padded)).toString(), 'a'.repeat(20));
  });

  it('may use the second algorithm of its inode', async () => {
    const other = compressed({ header: { algorithms: 0x03 }, entries: [{ type: 3, value: 4 }] });
    assert.equal((await readAll(other)).toString(), 'a'.repeat(20));
    await failsWith(
      readAll(compressed({ header: { algorithms: 0x30 }, entries: [{ type: 3, value: 4 }] })),
      refused,
      /compression algorithm 3, which its superblock does not name/,
    );
  });

  it('starts with an extent', async () => {
    await failsWith(
      readAll(compressed({ entries: [rest()] })),
      corrupt,
      /no extent of inode 16 holds its byte 0/,
    );
    await failsWith(
      readAll(compressed({ entries: [head(4, 10)] })),
      corrupt,
      /no extent of inode 16 holds its byte 0/,
    );
    await failsWith(
      readAll(compressed({ entries: [head(4, 4096)] })),
      corrupt,
      /an extent of inode 16 starts outside its cluster/,
    );
  });

  it('has an index inside the image', async () => {
    await failsWith(
      readAll(compressed({ size: 1n << 40n, entries: [head()] })),
      corrupt,
      /compression index of inode 16 would end at offset/,
    );
    await failsWith(
      readAll(compressed({ size: (1n << 63n) - 1n, entries: [head()] })),
      corrupt,
      /compression index of inode 16 would end/,
    );
  });

  it('does not search long for the ends of an extent', async () => {
    const blocks = 40;
    const endless = withFile(
      { layout: 1, size: 0x2000000, tail: compressionMap({}, fullIndex(head())) },
      { blocks },
    );
    // everything after the first entry says: nothing starts here
    for (let at = endless.slot(fileNode) + 32 + 8 + 8 + 8; at < endless.bytes.length; at += 8)
      endless.bytes[at] = 2;
    await failsWith(readAll(endless), corrupt, /an extent of inode 16 is longer than 12582912 bytes/);
    const node = await fileOf(endless);
    await failsWith(node.read(0x1ffff00n, 10), corrupt, /no extent of inode 16 holds its byte/);
  });

  it('has clusters that hold its bytes', async () => {
    await failsWith(readAll(compressed({ size: 21, entries: [head()] })), corrupt, /lz4/);
    await failsWith(
      readAll(compressed({ size: 8192, entries: [plain(), rest()] })),
      corrupt,
      /stores 8192 bytes in a cluster of 4096/,
    );
    await failsWith(readAll(compressed({ entries: [head(9)] })), corrupt, /outside its 32768 bytes/);
    const big = { advise: 0x2 };
    await failsWith(
      readAll(compressed({ size: 8192, header: big, entries: [head(), rest()] })),
      corrupt,
      /a big cluster without its number of blocks/,
    );
    await failsWith(
      readAll(compressed({ size: 8192, header: big, entries: [head(), rest(0x800 | 0x7ff)] })),
      corrupt,
      /a compressed cluster of 8384512 bytes/,
    );
    await failsWith(
      readAll(compressed({ size: 8192, header: big, entries: [head(), rest(0x800 | 9)] })),
      corrupt,
      /outside its 32768 bytes/,
    );
  });

  it('is decoded once when it is corrupt, however often it is asked for', async () => {
    const source = memorySource(compressed({ size: 21, entries: [head()] }).bytes);
    const root = await (await openErofs(source, new Budget('test.erofs'))).root();
    const file = (await root.lookup(Buffer.from('f')))!;
    await failsWith(file.read(0n, 21), corrupt, /the lz4 block at offset 16384/);
    const before = source.bytesRead;
    await failsWith(file.read(0n, 21), corrupt, /the lz4 block at offset 16384/);
    assert.equal(source.bytesRead, before);
  });

  it('names cluster sizes and indexes that cannot be', async () => {
    const map = (layout: number, header: Parameters<typeof compressionMap>[0]) =>
      withFile({ layout, size: 20, tail: compressionMap(header, fullIndex(head())) });
    await failsWith(
      readAll(map(1, { clusterBits: 7 })),
      refused,
      /logical clusters of 2\^19 bytes in inode 16/,
    );
    await failsWith(readAll(map(3, { clusterBits: 3 })), refused, /logical clusters of 2\^15 bytes/);
    await failsWith(
      readAll(map(3, { clusterBits: 1, advise: 1 })),
      refused,
      /logical clusters of 2\^13 bytes/,
    );
    await failsWith(readAll(map(3, { advise: 2 })), corrupt, /has big clusters for one algorithm only/);
  });

  it('has fragments only where there is a packed inode, and inside it', async () => {
    const whole = { clusterBits: 0x80 };
    await failsWith(
      readAll(compressed({ header: whole, entries: [] })),
      corrupt,
      /inode 16 has a fragment where there may be none/,
    );
    const packed = (fields: Parameters<ErofsBuilder['inode']>[1], header: Compressed['header'] = whole) =>
      compressed({ header, features: 0x20, entries: [] }).superblock({ 0x60: 40 }).inode(40, fields);
    const text = 'twenty bytes, exactly';
    const inline = { layout: 2, size: 20, tail: Buffer.from(text).subarray(0, 20) };
    assert.equal((await readAll(packed(inline))).toString(), text.slice(0, 20));
    await failsWith(
      readAll(packed(inline, { ...whole, low: 1 })),
      corrupt,
      /fragment of inode 16 at 1 is outside the 20 bytes of the packed inode/,
    );
    const round = { layout: 1, size: 20, tail: compressionMap(whole) };
    await failsWith(readAll(packed(round)), corrupt, /inode 40 has a fragment where there may be none/);
  });

  it('has encoded extents in order, inside the image', async () => {
    const record = (plen: number, position: number, start: number) => {
      const bytes = Buffer.alloc(16);
      bytes.writeUInt32LE(plen >>> 0, 0);
      bytes.writeUInt32LE(position, 4);
      bytes.writeUInt32LE(start, 12);
      return bytes;
    };
    const stored = 5;
    const extents = (size: number, count: number, ...records: readonly Buffer[]) =>
      withFile({
        layout: 1,
        size,
        tail: compressionMap({ low: count, advise: 5 }, Buffer.alloc(8), ...records),
      }).block(4, Buffer.from('12345'));
    assert.equal((await readAll(extents(5, 1, record(stored, 16384, 0)))).toString(), '12345');
    assert.equal(
      (await readAll(extents(8, 2, record(stored, 16384, 0), record(0, 0, 5)))).toString(),
      '12345\0\0\0',
    );
    await failsWith(readAll(extents(5, 0)), corrupt, /inode 16 cannot have 0 extents/);
    await failsWith(readAll(extents(5, 0xffffffff)), corrupt, /inode 16 cannot have 4294967295 extents/);
    await failsWith(
      readAll(extents(5, 1, record(stored, 16384, 1))),
      corrupt,
      /no extent of inode 16 holds its byte 0/,
    );
    // of two extents at one place, the later one counts
    const twice = extents(5, 2, record(9 << 28, 0, 0), record(stored, 16384, 0));
    assert.equal((await readAll(twice)).toString(), '12345');
    await failsWith(
      readAll(extents(9, 1, record(stored, 16384, 0))),
      corrupt,
      /stores 9 bytes in a cluster of 5/,
    );
    await failsWith(readAll(extents(5, 1, record(stored, 99999, 0))), corrupt, /outside its 32768 bytes/);
    await failsWith(
      readAll(extents(5, 1, record((9 << 28) | stored, 16384, 0))),
      refused,
      /compression algorithm 8/,
    );
  });
});
