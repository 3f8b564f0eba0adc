import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { PortableError } from '../../../src/base/errors.ts';
import { probeSuperblock } from '../../../src/disk/probe.ts';
import { memorySource } from '../../../src/disk/source.ts';
import { runSync, tryRunSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('probe', '/dev/shm');
const mebibyte = 1024 * 1024;
const ambiguous = 'ambiguous';

/** What blkid makes of a file: "type usage", "none" or "ambiguous". */
function blkid(path: string): string {
  const { status, stdout, stderr } = tryRunSync('blkid', ['--probe', '--output', 'export', path]);
  if (status === 8) return ambiguous;
  assert.ok(status === 0 || status === 2, `blkid: ${stderr}`);
  const fields = new Map(stdout.split('\n').map((line) => line.split('=', 2) as [string, string]));
  const type = fields.get('TYPE');
  return type === undefined ? 'none' : `${type} ${usageOf(fields.get('USAGE'))}`;
}

/** blkid tells a few more usages apart. */
function usageOf(usage: string | undefined): string {
  return usage === 'filesystem' || usage === 'crypto' ? usage : 'other';
}

async function ours(bytes: Buffer): Promise<string> {
  try {
    const found = await probeSuperblock(memorySource(bytes));
    return found === undefined ? 'none' : `${found.type} ${found.usage}`;
  } catch (error) {
    assert.ok(error instanceof PortableError && error.message.includes('is ambiguous'), String(error));
    return ambiguous;
  }
}

/** How to make each, in a file of so many MiB; "FILE" stands for it, "TREE" for a directory to put in. */
const makers: Readonly<Record<string, readonly [mebibytes: number, ...command: string[]]>> = {
  squashfs: [0, 'mksquashfs', 'TREE', 'FILE', '-quiet', '-no-progress', '-noappend'],
  erofs: [0, 'mkfs.erofs', 'FILE', 'TREE'],
  ext2: [1, 'mke2fs', '-q', '-t', 'ext2', 'FILE'],
  ext3: [8, 'mke2fs', '-q', '-t', 'ext3', 'FILE'],
  ext4: [8, 'mke2fs', '-q', '-t', 'ext4', 'FILE'],
  'ext4 without a journal': [4, 'mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', 'FILE'],
  'ext2 with extents': [4, 'mke2fs', '-q', '-t', 'ext2', '-O', 'extents', 'FILE'],
  'ext2 with large blocks': [64, 'mke2fs', '-q', '-F', '-t', 'ext2', '-b', '65536', 'FILE'],
  'external journal': [16, 'mke2fs', '-q', '-F', '-O', 'journal_dev', 'FILE'],
  btrfs: [128, 'mkfs.btrfs', '-q', 'FILE'],
  xfs: [320, 'mkfs.xfs', '-q', 'FILE'],
  f2fs: [64, 'mkfs.f2fs', '-q', 'FILE'],
  fat12: [2, 'mkfs.vfat', '-F', '12', 'FILE'],
  fat16: [16, 'mkfs.vfat', '-F', '16', 'FILE'],
  fat32: [40, 'mkfs.vfat', '-F', '32', 'FILE'],
  'fat32 with large sectors': [300, 'mkfs.vfat', '-F', '32', '-S', '4096', 'FILE'],
  swap: [1, 'mkswap', '-q', 'FILE'],
  'swap with large pages': [2, 'mkswap', '-q', '-p', '65536', 'FILE'],
  luks1: [
    4,
    'cryptsetup',
    'luksFormat',
    '-q',
    '--type',
    'luks1',
    '--pbkdf-force-iterations',
    '1000',
    'FILE',
    'TREE/key',
  ],
  luks2: [
    20,
    'cryptsetup',
    'luksFormat',
    '-q',
    '--type',
    'luks2',
    '--pbkdf',
    'pbkdf2',
    '--pbkdf-force-iterations',
    '1000',
    'FILE',
    'TREE/key',
  ],
  'hash tree': [1, 'veritysetup', 'format', 'TREE/key', 'FILE'],
  nothing: [1, 'true'],
};

/** The first bytes of each; more nobody looks at, but for blkid at the very end. */
const heads = new Map<string, Buffer>();

describe('probing', () => {
  before(() => {
    const tree = join(scratch, 'tree');
    mkdirSync(tree);
    writeFileSync(join(tree, 'key'), Buffer.alloc(4096, 'x'));
    for (const [name, [mebibytes, program, ...args]] of Object.entries(makers)) {
      const file = join(scratch, name);
      if (mebibytes > 0) {
        writeFileSync(file, '');
        truncateSync(file, mebibytes * mebibyte);
      }
      runSync(
        program!,
        args.map((arg) => arg.replace('FILE', file).replace('TREE', tree)),
      );
    }
  });

  for (const name of Object.keys(makers)) {
    it(`recognises ${name}, as blkid does`, async () => {
      const path = join(scratch, name);
      const bytes = readFileSync(path);
      const expected = blkid(path);
      assert.equal(await ours(bytes), expected);
      assert.equal(expected === 'none', name === 'nothing');
      heads.set(name, Buffer.from(bytes.subarray(0, 192 * 1024)));
    });
  }

  it('finds two superblocks in one image ambiguous where blkid does', async () => {
    // the bytes that each one's superblock takes; all others are left as they were
    const regions: Readonly<Record<string, readonly [start: number, end: number]>> = {
      squashfs: [0, 96],
      erofs: [1024, 1152],
      ext4: [1024, 2048],
      btrfs: [0x1_0000, 0x1_1000],
      xfs: [0, 512],
      f2fs: [1024, 2048],
      swap: [1024, 4096],
      luks1: [0, 592],
      'hash tree': [0, 512],
    };
    const path = join(scratch, 'overlaid');
    const [, minor] = /util-linux 2\.(\d+)/.exec(runSync('blkid', ['--version'])) ?? [];
    const checksums = Number(minor) >= 40;
    let clear = 0;
    let unclear = 0;
    for (const below of Object.keys(regions)) {
      for (const [above, [start, end]] of Object.entries(regions)) {
        const bytes = Buffer.alloc(2 * mebibyte);
        heads.get(below)?.copy(bytes);
        heads.get(above)?.copy(bytes, start, start, end);
        writeFileSync(path, bytes);
        const expected = blkid(path);
        const found = await ours(bytes);
        // newer ones pass over superblocks with wrong checksums, as those in another's place have: ours may see more
        const seesMore = checksums && (found === ambiguous || expected === 'none');
        if (!seesMore) assert.equal(found, expected, `${above} on ${below}`);
        if (found === ambiguous) unclear++;
        else clear++;
      }
    }
    assert.ok(unclear > 10 && clear > 10, `${unclear} ambiguous, ${clear} not`);
  });

  it('takes no master boot record for FAT', async () => {
    const path = join(scratch, 'disk');
    writeFileSync(path, '');
    truncateSync(path, 16 * mebibyte);
    runSync('sfdisk', ['--quiet', path], { input: 'label: dos\ntype=c, bootable\n' });
    assert.equal(await ours(readFileSync(path)), 'none');
    const grub = readFileSync(path);
    // boot code that starts as FAT does, with a parameter block that makes no sense
    grub.set([0xeb, 0x63, 0x90]);
    writeFileSync(path, grub);
    assert.equal(await ours(grub), blkid(path));
  });

  it('takes a medium that ends in the middle of a superblock', async () => {
    for (const [name, head] of heads) {
      for (const length of [0, 1, 3, 30, 97, 511, 600, 1024, 1081, 1100, 1150, 4090, 65_600, 65_610]) {
        await ours(head.subarray(0, Math.min(length, head.length))).catch((error: unknown) => {
          assert.fail(`${name}, ${length} bytes: ${String(error)}`);
        });
      }
    }
  });
});
