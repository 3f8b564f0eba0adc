/** Every data layout and feature, in images of known content. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import {
  erofsCompressors,
  fixtureImage,
  makeErofs,
  openBytes,
  wideLimits,
} from '../../../support/erofs-image.ts';
import { makeErofsSample } from '../../../support/erofs-sample.ts';
import { differences, directoryFacts, treeFacts } from '../../../support/kernel-compare.ts';
import type { TreeFacts } from '../../../support/kernel-compare.ts';
import { Random } from '../../../support/random.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

const scratch = scratchDirectory('erofs-layouts');
/** What the fixtures hold; and more of it, that would have made them large. */
const sample = join(scratch, 'sample');
const larger = join(scratch, 'larger');
let sampleFacts: TreeFacts;
let largerFacts: TreeFacts;

before(async () => {
  for (const directory of [sample, larger]) {
    mkdirSync(directory);
    await makeErofsSample(directory);
  }
  // enough clusters for every kind of index entry
  const random = new Random(3);
  const parts = Array.from({ length: 8 }, (_, i) => [random.text(50_000), random.bytes(5000 * (i % 3))]);
  writeFileSync(join(larger, 'words'), Buffer.concat(parts.flat()), { mode: 0o644 });
  sampleFacts = await directoryFacts(sample);
  largerFacts = await directoryFacts(larger);
});

/** What the image has of its own: inode numbers, the time given with -T, and the owner given with --all-root. */
const own = ['inode', 'mtime', 'owner', 'links'] as const;
const madeAt = 1_700_000_000n;

async function assertHolds(facts: TreeFacts, bytes: Buffer): Promise<void> {
  const tree = await openBytes(bytes, wideLimits);
  const found = await treeFacts(tree);
  assert.deepEqual(differences(found, facts, own), []);
  for (const [path, { mtime, owner, links, kind }] of found) {
    assert.deepEqual({ path, mtime, owner }, { path, mtime: madeAt, owner: '0:0' });
    if (kind !== 'directory') assert.equal(links, 1, path);
  }
}

describe('images that mkfs.erofs of this machine makes', () => {
  const compressors = erofsCompressors();
  const variants = [
    [],
    ['-Eforce-inode-compact'],
    ['-Eforce-inode-extended'],
    ['-Enoinline_data'],
    ['-Enosbcrc'],
    ['-x-1'],
    ['-x1'],
    ['--chunksize=4096'],
    ['--chunksize=16384', '-Eforce-chunk-indexes'],
    ['--chunksize=65536', '-Eforce-inode-blockmap'],
    ...compressors.flatMap((name) => [
      [`-z${name}`],
      [`-z${name}`, '-C8192'],
      [`-z${name}`, '-C65536', '-Eztailpacking'],
      [`-z${name}`, '-Elegacy-compress'],
      [`-z${name}`, '-C16384', '-Elegacy-compress,ztailpacking'],
      [`-z${name}`, '--max-extent-bytes=8192'],
    ]),
  ];
  for (const options of variants) {
    it(options.join(' ') || 'no options', async () => {
      const image = join(scratch, 'image');
      makeErofs(image, ['--all-root', `-T${madeAt}`, ...options], larger);
      const bytes = readFileSync(image);
      if (!options.includes('-x-1')) {
        await assertHolds(largerFacts, bytes);
        return;
      }
      const found = await treeFacts(await openBytes(bytes));
      assert.deepEqual(differences(found, largerFacts, [...own, 'xattrs']), []);
      assert.ok([...found.values()].every(({ xattrs }) => xattrs === undefined));
    });
  }
});

describe('images that newer versions of mkfs.erofs make', () => {
  const fixtures = readdirSync(new URL('../../../fixtures/erofs/', import.meta.url))
    .filter((name) => name.endsWith('.img.gz'))
    .map((name) => name.slice(0, -'.img.gz'.length));
  for (const name of fixtures) it(name, () => assertHolds(sampleFacts, fixtureImage(name)));
});
