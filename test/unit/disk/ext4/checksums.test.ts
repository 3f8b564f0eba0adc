/** With metadata_csum nothing that has been changed is believed, and the error says what it was. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PortableError } from '../../../../src/base/errors.ts';
import { type SampleOptions, sampleFiles } from '../../../support/ext-sample.ts';
import { differences, treeFacts } from '../../../support/kernel-compare.ts';
import { Random } from '../../../support/random.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import {
  ask,
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

const scratch = scratchDirectory('ext4-checksums');
const blockSize = 1024;

const kinds: Readonly<Record<string, string>> = {
  'metadata_csum, 64bit': 'metadata_csum,64bit',
  'metadata_csum, ^64bit': 'metadata_csum,^64bit',
  metadata_csum_seed: 'metadata_csum,metadata_csum_seed',
};

for (const [kind, features] of Object.entries(kinds)) {
  describe(kind, () => {
    const file = scratchFile(scratch, kind);
    const made = sampleBytes(file, {
      size: '4M',
      blockSize,
      many: 1600,
      inodes: 3000,
      features: `${features},ea_inode`,
      indexed: true,
    });
    // 1,600 entries: an index of two levels

    /** Flips the lowest bit of a byte and does something that has to read it. */
    async function refusal(
      offset: number,
      use: (tree: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
    ): Promise<string> {
      const bytes = changed(await made, (copy) => (copy[offset]! ^= 1));
      try {
        await use(await open(bytes));
      } catch (error) {
        assert.ok(error instanceof PortableError && error.code === 'InvalidArgs', String(error));
        return error.message;
      }
      return assert.fail('read without an error');
    }
    const read = (path: string) => async (tree: Awaited<ReturnType<typeof open>>) =>
      readAll(await nodeAt(tree, path));
    const find = (path: string) => async (tree: Awaited<ReturnType<typeof open>>) => nodeAt(tree, path);
    const list = (path: string) => async (tree: Awaited<ReturnType<typeof open>>) =>
      names(await nodeAt(tree, path));
    const xattrs = (path: string) => async (tree: Awaited<ReturnType<typeof open>>) =>
      (await nodeAt(tree, path)).xattrs();

    it('superblock', async () => {
      assert.match(
        await refusal(1024 + 0x30, read('tiny')),
        /^the ext4 superblock of 'sample.raw' is corrupt: its checksum does not match/,
      );
    });

    it('group descriptor', async () => {
      assert.match(
        await refusal(2 * blockSize + 0xc, read('tiny')),
        /the checksum of group descriptor 0 \(block 2\) does not match/,
      );
    });

    it('inode', async () => {
      const offset = inodeOffset(file, 'tiny', blockSize);
      const block = Math.floor(offset / blockSize);
      // the times are not looked at otherwise
      assert.match(
        await refusal(offset + 0x8, find('tiny')),
        new RegExp(`the checksum of inode \\d+ \\(block ${block}\\) does not match`),
      );
      assert.match(await refusal(offset + 0xff, find('tiny')), /the checksum of inode/);
      // both halves of the checksum itself
      assert.match(await refusal(offset + 0x7c, find('tiny')), /the checksum of inode/);
      assert.match(await refusal(offset + 0x82, find('tiny')), /the checksum of inode/);
    });

    it('extent block', async () => {
      const block = (await made).readUInt32LE(inodeOffset(file, 'stripes', blockSize) + 0x28 + 12 + 4);
      assert.match(
        await refusal(block * blockSize + 8, read('stripes')),
        new RegExp(`the checksum of extent block ${block} of inode \\d+ does not match`),
      );
      const unused = block * blockSize + 12 + 60 * 12;
      assert.match(await refusal(unused, read('stripes')), /the checksum of extent block/);
    });

    it('directory leaf', async () => {
      const block = dataBlocks(file, 'etc', blockSize)[0]!;
      assert.match(
        await refusal(block * blockSize + 0xe, list('etc')),
        new RegExp(`the checksum of directory block 0 of inode \\d+ \\(block ${block}\\) does not match`),
      );
      assert.match(
        await refusal(block * blockSize + 0xe, find('etc/os-release')),
        /the checksum of directory block/,
      );
      assert.match(await refusal((block + 1) * blockSize - 5, find('etc/os-release')), /has no checksum/);
    });

    it('nodes of a hash index', async () => {
      const blocks = dataBlocks(file, 'many', blockSize);
      const bytes = await made;
      assert.equal(bytes.readUInt8(blocks[0]! * blockSize + 0x1e), 1, 'two levels');
      const root = blocks[0]! * blockSize;
      const someName = [...sampleFiles(blockSize, 1600).keys()].find((path) => path.startsWith('many/'))!;
      assert.match(await refusal(root + 0x28, find(someName)), /the checksum of directory block 0 of inode/);
      // the word of zeros before the checksum counts, what is unused of the index does not
      assert.match(await refusal(root + blockSize - 8, find(someName)), /the checksum of directory block 0/);
      await open(changed(bytes, (copy) => (copy[root + blockSize - 16]! ^= 1))).then(find(someName));
      const node = bytes.readUInt32LE(root + 0x24);
      assert.match(
        await refusal(blocks[node]! * blockSize + 0x14, list('many')),
        new RegExp(`the checksum of directory block ${node} of inode`),
      );
    });

    it('attribute block', async () => {
      const inode = inodeOffset(file, 'with-xattrs', blockSize);
      const block = (await made).readUInt32LE(inode + 0x68);
      assert.notEqual(block, 0);
      assert.match(
        await refusal(block * blockSize + blockSize - 1, xattrs('with-xattrs')),
        new RegExp(`the checksum of attribute block ${block} of inode \\d+ does not match`),
      );
      assert.match(
        await refusal(block * blockSize + 4, xattrs('with-xattrs')),
        /the checksum of attribute block/,
      );
    });

    it('attribute value in an inode of its own', async () => {
      const listed = ask(file, 'ea_list with-xattrs');
      assert.match(listed, /user\.large \(1024\)/);
      const bytes = await made;
      const value = bytes.indexOf(Buffer.alloc(500, 'large value '));
      assert.match(
        await refusal(value + 7, xattrs('with-xattrs')),
        /the checksum of the attribute value in inode \d+ of inode \d+ does not match/,
      );
    });
  });
}

describe('uninit_bg', () => {
  it('group descriptor', async () => {
    for (const more of ['64bit', '^64bit']) {
      const bytes = await sampleBytes(scratchFile(scratch, `uninit ${more}`), {
        size: '2M',
        blockSize,
        features: `^metadata_csum,uninit_bg,${more}`,
      });
      assert.equal((await readAll(await nodeAt(await open(bytes), 'tiny'))).toString(), 'x');
      const flipped = await open(changed(bytes, (copy) => (copy[2 * blockSize + 0xc]! ^= 1)));
      await assert.rejects(flipped.root(), {
        message: /the checksum of group descriptor 0 \(block 2\) does not match/,
      });
    }
  });
});

describe('any flipped bit', () => {
  const options: SampleOptions = {
    size: '140K',
    blockSize,
    inodeSize: 256,
    inodes: 72,
    many: 40,
    indexed: true,
    features: 'none,filetype,ext_attr,dir_index,extent,64bit,extra_isize,metadata_csum,ea_inode,inline_data',
  };

  it('of the metadata changes nothing, or is an error', async () => {
    const bytes = await sampleBytes(scratchFile(scratch, 'flipped'), options);
    const intact = await treeFacts(await open(bytes));
    const data = contentBlocks(bytes);
    const random = new Random(17);
    const seen = { same: 0, refused: 0 };
    for (let i = 0; i < 3000; i++) {
      const at = random.below(bytes.length);
      if (data.has(Math.floor(at / blockSize))) continue;
      const flipped = changed(bytes, (copy) => (copy[at]! ^= 1 << random.below(8)));
      try {
        assert.deepEqual(differences(await treeFacts(await open(flipped)), intact), [], `byte ${at}`);
        seen.same++;
      } catch (error) {
        if (!(error instanceof PortableError)) throw error;
        seen.refused++;
      }
    }
    assert.ok(seen.same > 100 && seen.refused > 100, JSON.stringify(seen));
  });

  /** The blocks with contents of files, which have no checksum. */
  function contentBlocks(bytes: Buffer): Set<number> {
    const found = new Set<number>();
    for (const content of sampleFiles(blockSize, 40).values()) {
      if (!Buffer.isBuffer(content)) continue;
      for (let start = 0; start < content.length; start += blockSize) {
        const piece = content.subarray(start, start + blockSize);
        if (piece.every((byte) => byte === 0)) continue;
        for (let block = 0; (block + 1) * blockSize <= bytes.length; block++) {
          if (bytes.subarray(block * blockSize, block * blockSize + piece.length).equals(piece))
            found.add(block);
        }
      }
    }
    const slowLink = bytes.indexOf(Buffer.alloc(200, 's'));
    found.add(Math.floor(slowLink / blockSize));
    return found;
  }
});
