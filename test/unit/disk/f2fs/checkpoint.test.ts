/** Which node is where: tables, their second copies, and the journal of the checkpoint, whatever its layout. */
import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import { f2fsCrc, magicNumber } from '../../../../src/disk/f2fs/checksum.ts';
import { openF2fs } from '../../../../src/disk/f2fs/index.ts';
import { openFileSource } from '../../../../src/disk/file-source.ts';
import { type BlockSource, memorySource } from '../../../../src/disk/source.ts';
import { type F2fsSample, makeF2fsSample, sampleOf } from '../../../support/f2fs-sample.ts';
import { failsWith } from '../../../support/fails-with.ts';
import { runSync } from '../../../support/run.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

const blockSize = 4096;
const segment = 512;
const footer = blockSize - 24;

const plain = makeF2fsSample([]).bytes;
const large = makeF2fsSample(['-i']).bytes;

async function linksOf(source: BlockSource, name: string): Promise<number | undefined> {
  const budget = new Budget('foo.raw', { ...defaultLimits, wallTimeMs: 1e6 });
  const tree = await openF2fs(source, budget);
  return (await (await tree.root()).lookup(Buffer.from(name)))?.stat.links;
}

const links = ({ bytes }: F2fsSample, name: string): Promise<number | undefined> =>
  linksOf(memorySource(bytes, 'foo.raw'), name);

/** Of the first pack, which counts when both are of the same version. */
function checkpointOf({ bytes }: F2fsSample): {
  readonly at: number;
  readonly summary: number;
  readonly nat: number;
} {
  const at = bytes.readUInt32LE(1024 + 76) * blockSize;
  return {
    at,
    summary: at + bytes.readUInt32LE(at + 140) * blockSize,
    nat: bytes.readUInt32LE(1024 + 84) * blockSize,
  };
}

/** Makes the first block's checksum right again. */
function repair({ bytes }: F2fsSample, at: number): void {
  const block = bytes.subarray(at, at + blockSize);
  const offset = block.readUInt32LE(164);
  const before = f2fsCrc(magicNumber, block.subarray(0, offset));
  const crc = offset === blockSize - 4 ? before : f2fsCrc(before, block.subarray(offset + 4));
  block.writeUInt32LE(crc, offset);
}

/** Copies the node of a file to a block that nothing is in, says there that it has seven links, and returns the block. */
async function moved(
  sample: F2fsSample,
  name: string,
): Promise<{ readonly node: number; readonly block: number }> {
  const { bytes } = sample;
  const { number, at } = await sample.inode(name);
  const mainStart = bytes.readUInt32LE(1024 + 92);
  let block = bytes.length / blockSize - 1;
  while (bytes.subarray(block * blockSize, (block + 1) * blockSize).some((byte) => byte !== 0)) block--;
  assert.ok(block > mainStart);
  bytes.copy(bytes, block * blockSize, at, at + blockSize);
  bytes.writeUInt32LE(7, block * blockSize + 12);
  return { node: number, block };
}

/** Writes a journal of one entry. */
function writeJournal(
  sample: F2fsSample,
  at: number,
  { node, block }: { node: number; block: number },
): void {
  sample.bytes.writeUInt16LE(1, at);
  sample.bytes.writeUInt32LE(node, at + 2);
  sample.bytes.writeUInt32LE(node, at + 2 + 4 + 1);
  sample.bytes.writeUInt32LE(block, at + 2 + 4 + 5);
}

for (const [layout, original] of Object.entries({ 'a small bitmap': plain, 'a large bitmap': large })) {
  describe(`a checkpoint with ${layout}`, () => {
    it('has a journal that goes before the table, behind summaries', async () => {
      const sample = sampleOf(original);
      const place = await moved(sample, 'one');
      assert.equal(await links(sample, 'one'), 1);
      writeJournal(sample, checkpointOf(sample).summary + segment * 7, place);
      assert.equal(await links(sample, 'one'), 7);
      assert.equal(await links(sample, 'two'), 1);
    });
    it('has a journal that goes before the table, at the start of compact summaries', async () => {
      const sample = sampleOf(original);
      const { at, summary } = checkpointOf(sample);
      const place = await moved(sample, 'one');
      sample.bytes.writeUInt32LE(sample.bytes.readUInt32LE(at + 132) | 0x4, at + 132);
      repair(sample, at);
      writeJournal(sample, summary, place);
      assert.equal(await links(sample, 'one'), 7);
    });
    it('says which copy of the table counts', async () => {
      const sample = sampleOf(original);
      const { bytes } = sample;
      const { at, nat } = checkpointOf(sample);
      const { node, block } = await moved(sample, 'one');
      const copy = nat + segment * blockSize;
      bytes.copy(bytes, copy, nat, nat + blockSize);
      bytes.writeUInt32LE(block, copy + node * 9 + 5);
      assert.equal(await links(sample, 'one'), 1);
      const isLarge = (bytes.readUInt32LE(at + 132) & 0x400) !== 0;
      bytes[at + 192 + (isLarge ? 4 : bytes.readUInt32LE(at + 156))]! |= 0x80;
      repair(sample, at);
      assert.equal(await links(sample, 'one'), 7);
    });
    it('whose journal has more entries than there is room for is refused', async () => {
      const sample = sampleOf(original);
      sample.bytes.writeUInt16LE(39, checkpointOf(sample).summary + segment * 7);
      await failsWith(
        links(sample, 'one'),
        'InvalidArgs',
        /journal has 39 node addresses, and 505 bytes for them/,
      );
    });
    it('with impossible fields is refused', async () => {
      const fields = [
        [140, 0, /has its summaries at its block 0/],
        [140, 500, /has its summaries at its block 500/],
        [160, 5, /has 5 bytes of bits for 512 blocks of node addresses/],
      ] as const;
      for (const [offset, value, message] of fields) {
        const sample = sampleOf(original);
        const { at } = checkpointOf(sample);
        sample.bytes.writeUInt32LE(value, at + offset);
        repair(sample, at);
        await failsWith(links(sample, 'one'), 'InvalidArgs', message);
      }
    });
  });
}

describe('a checkpoint that mkfs.f2fs wrote', () => {
  const scratch = scratchDirectory('f2fs-checkpoint', '/dev/shm');
  it('is read whatever the size of its tables, payload blocks included', async () => {
    for (const [size, payload, options] of [
      [64 * 2 ** 20, 0, []],
      [4 * 2 ** 40, 2, []],
      [400 * 2 ** 30, 1, ['-i']],
    ] as const) {
      const image = join(scratch, 'image');
      writeFileSync(image, '');
      truncateSync(image, size);
      runSync('mkfs.f2fs', ['-q', '-f', '-O', 'lost_found', ...options, image]);
      const source = await openFileSource(image);
      try {
        assert.equal((await source.read(1024n + 1664n, 4)).readUInt32LE(0), payload);
        assert.equal(await linksOf(source, 'lost+found'), 2);
      } finally {
        await source.close();
      }
    }
  });
  it('is the one of the node that is looked for', async () => {
    const sample = sampleOf(plain);
    const { at } = await sample.inode('one');
    sample.bytes.writeUInt32LE(99, at + footer);
    await failsWith(links(sample, 'one'), 'InvalidArgs', /says it is node 99 of inode \d+/);
  });
});
