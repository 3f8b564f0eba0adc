/** What our reader gives of vfat is what mtools reads, and what was put there, for all that mkfs.fat(8) offers. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import { openFat } from '../../../../src/disk/fat/index.ts';
import { openFileSource } from '../../../../src/disk/file-source.ts';
import { copyOut, makeFat, makeFatTree, mtool } from '../../../support/fat-image.ts';
import { type TreeFacts, differences, directoryFacts, treeFacts } from '../../../support/kernel-compare.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

const scratch = scratchDirectory('fat-mtools', '/dev/shm');
const image = join(scratch, 'image');
const small = join(scratch, 'small');
const large = join(scratch, 'large');
const limits = { ...defaultLimits, metadataBlocks: 1e9, directoryEntries: 1e9, wallTimeMs: 1e9 };

before(() => {
  for (const root of [small, large]) mkdirSync(root);
  makeFatTree(small, { many: 40, largest: 40_000 });
  makeFatTree(large, { many: 300, largest: 2_000_000 });
});

/** All that vfat itself says: it has no owners and modes, mtools does not keep the times of directories. */
async function stored(facts: Promise<TreeFacts>): Promise<TreeFacts> {
  const found = await facts;
  for (const each of found.values()) if (each.kind === 'directory') each.mtime = 0n;
  return found;
}
const made = ['mode', 'owner', 'inode'] as const;

async function readFacts(skip: readonly string[] = []): Promise<TreeFacts> {
  const source = await openFileSource(image);
  try {
    return await treeFacts(await openFat(source, new Budget(image, limits)), skip);
  } finally {
    await source.close();
  }
}

/** mtools puts letters with accents in lower case when it writes flags, not when it reads them. */
const unequal = ['flagged'];

async function mtoolsDifferences(): Promise<string[]> {
  const copy = join(scratch, 'copy');
  rmSync(copy, { recursive: true, force: true });
  copyOut(image, copy);
  const theirs = await stored(directoryFacts(copy, unequal));
  return differences(await stored(readFacts(unequal)), theirs, made);
}

/** In clusters of 512 bytes, mtools has no place for the longest names. */
const kinds: readonly (readonly [kibibytes: number, ...options: string[]])[] = [
  [720, '-F', '12'],
  [1440, '-F', '12', '-s', '2', '-f', '1'],
  [2880, '-F', '12', '-s', '8', '-r', '512'],
  [8192, '-F', '12', '-S', '2048'],
  [12_000, '-F', '16', '-s', '2'],
  [20_000, '-F', '16', '-r', '1024', '-R', '17'],
  [40_000, '-F', '16', '-S', '4096', '-s', '1'],
  [20_000, '-F', '16', '-a', '-f', '4'],
  [80_000, '-F', '32', '-s', '2'],
  [80_000, '-F', '32', '-S', '1024', '-s', '1', '-f', '1'],
  [300_000, '-F', '32', '-S', '4096', '-s', '1', '-R', '40'],
  [300_000, '-F', '32', '-s', '8', '-n', 'LABEL'],
];

describe('the vfat reader agrees with mtools', () => {
  for (const [kibibytes, ...options] of kinds) {
    it(`${options.join(' ')}, ${kibibytes} KiB`, async () => {
      const from = kibibytes < 20_000 ? small : large;
      makeFat(image, kibibytes, options, from);
      assert.deepEqual(await mtoolsDifferences(), []);
      const source = await stored(directoryFacts(from));
      assert.deepEqual(differences(await stored(readFacts()), source, made), []);
    });
  }

  it('after files were deleted, and others took their place', async () => {
    makeFat(image, 80_000, ['-F', '32', '-s', '2'], large);
    const gone = Array.from({ length: 150 }, (_, i) => `::/many/${'x'.repeat((i * 2) % 30)} entry ${i * 2}`);
    mtool('mdel', ['-i', image, ...gone, '::/sizes/4096', '::/sizes/513', '::/sizes/32768']);
    mtool('mcopy', ['-i', image, '-m', join(large, 'sizes/1000003'), '::/many/in pieces']);
    mtool('mlabel', ['-i', image, '::A LABEL']);
    assert.deepEqual(await mtoolsDifferences(), []);
  });
});
