import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, symlinkSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openFileSource } from '../../../src/disk/file-source.ts';
import { openDescriptors, scratchDirectory } from '../../support/scratch.ts';
import { refused } from '../../support/refused.ts';

const scratch = scratchDirectory('source', '/dev/shm');

/** Bytes that tell where they are. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

describe('a file source', () => {
  const bytes = pattern(300_001);
  const path = join(scratch, 'image.raw');
  writeFileSync(path, bytes);

  it('gives the same bytes for every range, across pages and beyond the cache', async () => {
    const source = await openFileSource(path);
    assert.equal(source.size, 300_001n);
    const ranges = [
      [0, 1],
      [65_535, 2],
      [65_000, 70_000],
      [0, 300_001],
      [131_072, 168_929],
      [300_000, 1],
      [5, 0],
      [300_001, 0],
    ] as const;
    for (const [offset, length] of [...ranges, ...ranges]) {
      const expected = bytes.subarray(offset, offset + length);
      assert.ok((await source.read(BigInt(offset), length)).equals(expected), `${offset}+${length}`);
    }
    await source.close();
  });

  it('counts what it read from the medium, which many short reads share', async () => {
    const source = await openFileSource(path);
    await Promise.all(Array.from({ length: 100 }, (_, i) => source.read(BigInt(i * 100), 100)));
    assert.equal(source.bytesRead, 65_536);
    await source.read(0n, 200_000);
    assert.equal(source.bytesRead, 265_536);
    await source.close();
  });

  it('gives buffers that belong to the caller', async () => {
    const source = await openFileSource(path);
    (await source.read(0n, 100)).fill(0xff);
    assert.ok((await source.read(0n, 100)).equals(bytes.subarray(0, 100)));
    await source.close();
  });

  it('refuses ranges outside the file', async () => {
    const source = await openFileSource(path);
    for (const [offset, length] of [
      [-1n, 1],
      [300_001n, 1],
      [0n, 300_002],
      [2n ** 64n, 1],
    ] as const) {
      await assert.rejects(
        source.read(offset, length),
        refused('InvalidArgs', /image\.raw' is truncated or corrupt/),
      );
    }
    await source.close();
  });

  it('reads exactly at offsets beyond 2^53', async () => {
    const huge = join(scratch, 'huge.raw');
    writeFileSync(huge, '');
    execFileSync('truncate', ['-s', String(2n ** 60n), huge]);
    const offset = 2n ** 59n + 12_345n;
    execFileSync(
      'dd',
      [`of=${huge}`, 'bs=1', 'oflag=seek_bytes', `seek=${offset}`, 'conv=notrunc', 'status=none'],
      { input: 'exact' },
    );
    const source = await openFileSource(huge);
    assert.equal(source.size, 2n ** 60n);
    assert.equal((await source.read(offset - 1n, 7)).toString('latin1'), '\0exact\0');
    assert.equal((await source.read(offset, 200_000)).subarray(0, 6).toString('latin1'), 'exact\0');
    assert.equal((await source.read(2n ** 60n - 3n, 3)).length, 3);
    await source.close();
  });

  it('says so when the file shrinks under it, and reads on once it is back', async () => {
    const shrinking = join(scratch, 'shrinking.raw');
    writeFileSync(shrinking, bytes);
    const source = await openFileSource(shrinking);
    truncateSync(shrinking, 100_000);
    for (const length of [10, 190_000]) {
      await assert.rejects(
        source.read(110_000n, length),
        refused('IOError', /shrank while it was being read: it had 300001 bytes, and ends at 1\d{5} now/),
      );
    }
    writeFileSync(shrinking, bytes);
    assert.ok((await source.read(110_000n, 10)).equals(bytes.subarray(110_000, 110_010)));
    await source.close();
  });

  it('opens nothing but regular files and block devices', async () => {
    const link = join(scratch, 'link.raw');
    symlinkSync(path, link);
    execFileSync('mkfifo', [join(scratch, 'fifo')]);
    const before = openDescriptors();
    await assert.rejects(
      openFileSource(link),
      refused('InvalidArgs', /link.raw' is a symlink, not a regular file or block device/),
    );
    await assert.rejects(openFileSource(join(scratch, 'fifo')), refused('InvalidArgs', /is a fifo/));
    await assert.rejects(openFileSource('/dev/zero'), refused('InvalidArgs', /is a character/));
    await assert.rejects(openFileSource(scratch), refused('InvalidArgs', /is a directory/));
    await assert.rejects(openFileSource(join(scratch, 'none')), refused('FileNotFound', /none/));
    assert.equal(openDescriptors(), before);
  });

  it('keeps its descriptor until the reads under way are done, then closes it once', async () => {
    const before = openDescriptors();
    const source = await openFileSource(path);
    const read = source.read(0n, 200_000);
    const closed = source.close();
    // whoever opens a file now must not get the number that the read uses
    const other = openSync(join(scratch, 'other'), 'w+');
    writeSync(other, Buffer.alloc(300_000));
    assert.ok((await read).equals(bytes.subarray(0, 200_000)));
    await closed;
    await source.close();
    closeSync(other);
    assert.equal(openDescriptors(), before);
    await assert.rejects(source.read(200_000n, 5), /after it was closed/);
  });

  it("tells the file's extended attributes", async () => {
    const verity = join(scratchDirectory('xattr'), 'image.raw');
    writeFileSync(verity, '');
    execFileSync('setfattr', ['-n', 'user.verity.roothash', '-v', 'abcd', verity]);
    const source = await openFileSource(verity);
    assert.equal((await source.xattrs()).get('user.verity.roothash')?.toString(), 'abcd');
    await source.close();
  });
});
