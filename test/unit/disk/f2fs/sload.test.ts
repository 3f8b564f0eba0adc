/** Our f2fs reader gives what sload.f2fs put there, for all that mkfs.f2fs offers. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import { openF2fs } from '../../../../src/disk/f2fs/index.ts';
import { openFileSource } from '../../../../src/disk/file-source.ts';
import { makeF2fs } from '../../../support/f2fs-image.ts';
import { type TreeFacts, differences, directoryFacts, treeFacts } from '../../../support/kernel-compare.ts';
import { makeRichTree } from '../../../support/rich-tree.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

const scratch = scratchDirectory('f2fs-sload', '/dev/shm');
const image = join(scratch, 'image');
const small = join(scratch, 'small');
const large = join(scratch, 'large');
const limits = { ...defaultLimits, metadataBlocks: 1e9, directoryEntries: 1e9, wallTimeMs: 1e9 };
const expected = new Map<string, TreeFacts>();

before(async () => {
  const options = { privileged: false, xattrSets: 1, owners: 1 };
  const sizes = {
    [small]: { manyEntries: 60, depth: 12, largest: 300_000 },
    [large]: { manyEntries: 5000, bigFile: 30_000_000 },
  };
  for (const [root, size] of Object.entries(sizes)) {
    mkdirSync(root);
    await makeRichTree(root, { ...options, ...size });
    // what sload.f2fs leaves out
    for (const name of ['fifo', 'socket']) rmSync(join(root, 'nodes', name));
    const facts = await directoryFacts(root);
    for (const each of facts.values()) delete each.xattrs;
    expected.set(root, facts);
  }
});

async function differ(from: string): Promise<string[]> {
  const source = await openFileSource(image);
  try {
    const facts = await treeFacts(await openF2fs(source, new Budget(image, limits)), ['lost+found']);
    const theirs = expected.get(from) ?? assert.fail();
    // sload.f2fs writes the time of the root itself, and lost+found counts as its link
    for (const each of [facts, theirs]) Object.assign(each.get('') ?? {}, { mtime: 0n, links: 0 });
    return differences(facts, theirs, ['inode']);
  } finally {
    await source.close();
  }
}

const kinds: readonly (readonly string[])[] = [
  [],
  ['-O', 'extra_attr'],
  ['-O', 'extra_attr,inode_checksum'],
  ['-O', 'extra_attr,inode_crtime'],
  ['-O', 'extra_attr,project_quota,quota'],
  ['-O', 'extra_attr,flexible_inline_xattr'],
  ['-O', 'sb_checksum'],
  ['-O', 'lost_found'],
  ['-O', 'verity'],
  ['-O', 'encrypt'],
  ['-O', 'extra_attr,compression'],
  ['-O', 'ro'],
  ['-O', 'casefold', '-C', 'utf8'],
  [
    '-O',
    'extra_attr,inode_checksum,inode_crtime,project_quota,quota,flexible_inline_xattr,sb_checksum,compression',
  ],
  ['-i'],
  ['-a', '0'],
  ['-s', '2'],
  ['-l', 'label', '-o', '20', '-e', 'txt', '-E', 'db'],
  ['-w', '4096'],
];

describe('the f2fs reader gives what was put there', () => {
  for (const options of kinds) {
    it(options.join(' ') || 'no options', async () => {
      makeF2fs(image, { mebibytes: 120, options, from: small });
      assert.deepEqual(await differ(small), []);
    });
  }
  it('with 5,000 entries in a directory, and a file that needs nodes of node numbers', async () => {
    makeF2fs(image, { mebibytes: 300, from: large });
    assert.deepEqual(await differ(large), []);
  });
  it('with large tables of node addresses, and room for a large bitmap', async () => {
    for (const options of [['-i'], []]) {
      makeF2fs(image, { mebibytes: 20_000, options, from: small });
      assert.deepEqual(await differ(small), []);
    }
  });
});
