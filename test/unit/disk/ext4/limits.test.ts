/** A hostile file system ends within its budget, whatever it makes us do. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import { openExt } from '../../../../src/disk/ext4/index.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import { debugfs } from '../../../support/ext-image.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import { changed, dataBlocks, inodeOffset, names, nodeAt, open, sampleBytes, scratchFile } from './sample.ts';

const scratch = scratchDirectory('ext4-limits');
const blockSize = 1024;
const file = scratchFile(scratch, 'plain');
const plain = sampleBytes(file, { size: '4M', blockSize, features: '^metadata_csum,ea_inode', many: 300 });

const exceeded = (what: RegExp) => ({ code: 'LimitsExceeded', message: what });
const area = 0x28;

describe('limits', () => {
  it('of directory entries', async () => {
    const tree = await open(await plain, { directoryEntries: 200 });
    await assert.rejects(names(await nodeAt(tree, 'many')), exceeded(/more than 200 directory entries/));
  });

  it('of metadata blocks', async () => {
    const tree = await open(await plain, { metadataBlocks: 6 });
    await assert.rejects(names(await nodeAt(tree, 'many')), exceeded(/more than 6 metadata blocks/));
  });

  it('of time', async () => {
    let now = 0;
    const budget = new Budget('sample.raw', { ...defaultLimits, wallTimeMs: 100 }, () => now);
    const tree = await openExt(memorySource(await plain), budget);
    const many = await nodeAt(tree, 'many');
    await names(many);
    now = 101;
    await assert.rejects(names(many), exceeded(/longer than 100 ms/));
    await assert.rejects(many.lookup(Buffer.from('absent')), exceeded(/longer than 100 ms/));
  });

  it('of what one read may ask for', async () => {
    const bytes = changed(await plain, (copy) =>
      copy.writeUInt32LE(0xff, inodeOffset(file, 'tiny', blockSize) + 0x6c),
    );
    const node = await nodeAt(await open(bytes), 'tiny');
    assert.equal(node.stat.size, 0xff_0000_0001n);
    await assert.rejects(node.read(0n, 2 ** 31), exceeded(/2147483648 bytes of a file asked for at once/));
    // a hole as large as can be costs nothing
    assert.ok((await node.read(0xfe_0000_0000n, 100_000)).equals(Buffer.alloc(100_000)));
  });

  it('of the attributes of one file', async () => {
    const large = scratchFile(scratch, 'attributes');
    await sampleBytes(large, { size: '40M', blockSize: 65536, features: 'ea_inode' });
    writeFileSync(`${large}.value`, Buffer.alloc(65_536, 'v'));
    const commands = Array.from({ length: 66 }, (_, i) => `ea_set -f ${large}.value tiny user.large-${i}`);
    await debugfs(large, commands);
    const bytes = readFileSync(large);
    await assert.rejects(
      (await nodeAt(await open(bytes), 'tiny')).xattrs(),
      exceeded(/more than 4194304 bytes of attributes/),
    );
  });
});

describe('a hostile directory', () => {
  /** Points the extents of a directory elsewhere. */
  async function withExtents(
    extents: [from: number, length: number, physical: number][],
    blocks: number,
  ): Promise<Buffer> {
    return changed(await plain, (copy) => {
      const inode = inodeOffset(file, 'many', blockSize);
      copy.writeUInt32LE((blocks * blockSize) % 2 ** 32, inode + 4);
      copy.writeUInt16LE(extents.length, inode + area + 2);
      copy.writeUInt16LE(0, inode + area + 6);
      for (const [index, [from, length, physical]] of extents.entries()) {
        const at = inode + area + 12 + index * 12;
        copy.writeUInt32LE(from, at);
        copy.writeUInt16LE(length, at + 4);
        copy.writeUInt16LE(0, at + 6);
        copy.writeUInt32LE(physical, at + 8);
      }
    });
  }

  it('of 4 GiB of hole is empty at once', async () => {
    const tree = await open(await withExtents([], 4_000_000));
    assert.deepEqual(await names(await nodeAt(tree, 'many')), []);
  });

  it('that runs through the whole file system pays for each block', async () => {
    const empty = dataBlocks(file, 'empty', blockSize)[0]!;
    const used: [number, number, number][] = [0, 1, 2, 3].map((i) => [i * 1000, 1, empty]);
    const tree = await open(await withExtents(used, 3001), { metadataBlocks: 5 });
    // root, its table, the descriptors, and four times the same block, which is another each time
    await assert.rejects(
      (await nodeAt(tree, 'many')).lookup(Buffer.from('x')),
      exceeded(/more than 5 metadata blocks/),
    );
  });

  it('whose index leads everywhere twice ends', async () => {
    const indexed = scratchFile(scratch, 'indexed');
    const bytes = await sampleBytes(indexed, {
      size: '4M',
      blockSize,
      many: 300,
      indexed: true,
      features: '^metadata_csum',
    });
    const root = dataBlocks(indexed, 'many', blockSize)[0]! * blockSize;
    // every entry goes on with the hash of the first, and leads to the same leaf
    const looping = changed(bytes, (copy) => {
      copy.writeUInt16LE(124, root + 0x22);
      for (let i = 0; i < 124; i++) {
        if (i > 0) copy.writeUInt32LE(1, root + 0x20 + i * 8);
        copy.writeUInt32LE(1, root + 0x20 + i * 8 + 4);
      }
    });
    const many = await nodeAt(await open(looping), 'many');
    for (let i = 0; i < 50; i++) assert.equal(await many.lookup(Buffer.from(`absent-${i}`)), undefined);
  });
});
