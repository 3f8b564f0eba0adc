/**
 * Writes test/fixtures/btrfs: node --import tsx test/support/write-btrfs-fixtures.ts, as root. The kernel makes the images and
 * says what is in them; kept is what our reader reads of them.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Budget } from '../../src/disk/budget.ts';
import { openBtrfs } from '../../src/disk/btrfs/index.ts';
import { memorySource } from '../../src/disk/source.ts';
import { type BtrfsFixture, replaceBigInt } from './btrfs-fixtures.ts';
import { fillBtrfs, makeBtrfs, wideLimits } from './btrfs-image.ts';
import { directoryFacts, treeFacts, withMounted } from './kernel-compare.ts';
import { pack, packedBlock } from './packed-image.ts';
import { Random } from './random.ts';
import { runSync } from './run.ts';

const fixtures = new URL('../fixtures/btrfs/', import.meta.url);
const scratch = mkdtempSync(join(tmpdir(), 'btrfs-fixtures-'));
const image = join(scratch, 'image');
const uuid = ['-U', '5a1ec0de-0000-4000-8000-000000000005'];
try {
  makeBtrfs(image, 20, [...uuid, '--mixed', '--nodesize', '4096']);
  await fillBtrfs(image, fillSubvolumes);
  await write('subvolumes');
  makeBtrfs(image, 20, [...uuid, '--mixed', '--nodesize', '4096']);
  for (const compression of ['zlib', 'lzo', 'zstd']) {
    const fill = (directory: string): void => fillCompressed(join(directory, compression));
    await fillBtrfs(image, fill, `compress-force=${compression}`);
  }
  await write('compressed');
  makeBtrfs(image, 120, [...uuid, '--nodesize', '16384', '-m', 'dup', '-O', '^no-holes']);
  await fillBtrfs(image, fillSubvolumes);
  await write('blocks-16384');
} finally {
  rmSync(scratch, { recursive: true });
}

/** One of everything. */
function fillSubvolumes(directory: string): void {
  const random = new Random(11);
  const at = (name: string): string => join(directory, name);
  const file = (name: string, content: string | Buffer): void => writeFileSync(at(name), content);
  const run = (program: string, ...args: readonly string[]): void => void runSync(program, args);
  mkdirSync(at('usr/lib'), { recursive: true });
  mkdirSync(at('etc'));
  mkdirSync(at('many'));
  file('usr/lib/os-release', 'ID=sample\nVERSION_ID=1\nPORTABLE_PREFIXES=sample\n');
  run('ln', '-s', '../usr/lib/os-release', at('etc/os-release'));
  file('empty', '');
  file('inline', random.text(100));
  file('stored', random.text(9000));
  run('ln', at('stored'), at('hard-link'));
  file('sparse', random.text(5000));
  truncateSync(at('sparse'), 100_000);
  run('xfs_io', '-c', 'pwrite -S 7 61440 4096', '-c', 'falloc 70000 9000', at('sparse'));
  run('cp', '--reflink=always', at('stored'), at('shared'));
  run('xfs_io', '-c', 'pwrite -S 8 4096 4096', at('shared'));
  run('mkfifo', at('fifo'));
  run('mknod', at('device'), 'b', '259', '70000');
  file('attributes', 'attributes');
  const names = ['user.note', 'trusted.note', 'user.cwdzojk9', 'user.m74skwot'];
  for (const name of names) run('setfattr', '-n', name, '-v', name.repeat(20), at('attributes'));
  run('setfacl', '-m', 'u:1000:r', at('inline'));
  file('yrrjoykx', 'of the same hash');
  file('g1a7t6jk', 'as the other');
  for (let i = 0; i < 50; i++) file(`many/${`${i}`.padEnd(2 * i + 3, 'é')}`, i % 9 === 0 ? `${i}\n` : '');
  run('btrfs', 'subvolume', 'create', at('inner'));
  file('inner/file', 'inside\n');
  run('btrfs', 'subvolume', 'create', at('inner/deeper'));
  run('btrfs', 'subvolume', 'snapshot', at('inner'), at('snapshot'));
  file('snapshot/more', random.text(3000));
}

/** Text and noise; in the tree, in one extent, and in several. */
function fillCompressed(directory: string): void {
  const random = new Random(12);
  mkdirSync(directory);
  const file = (name: string, content: Buffer): void => writeFileSync(join(directory, name), content);
  file('inline', Buffer.alloc(1800, 'all work and no play '));
  file('text', random.text(6000));
  file('repeats', Buffer.alloc(300_000, 'all work and no play makes Jack a dull boy '));
  const mixed = random.text(20_000);
  random.bytes(5000).copy(mixed, 9000);
  file('mixed', mixed);
}

/** What is read of the image when everything is read. */
async function write(name: BtrfsFixture): Promise<void> {
  const bytes = readFileSync(image);
  const source = memorySource(bytes, name);
  const used = new Set<number>();
  const watched = {
    ...source,
    read: (offset: bigint, length: number): Promise<Buffer> => {
      const first = Number(offset) / packedBlock;
      for (let block = Math.floor(first); block < first + length / packedBlock; block++) used.add(block);
      return source.read(offset, length);
    },
  };
  const tree = await openBtrfs(watched, new Budget(name, wideLimits));
  await treeFacts(tree);
  const facts = await withMounted(image, 'btrfs', (directory) => directoryFacts(directory));
  // an entry that leads nowhere is as old as the mount to the kernel, as old as its directory to us
  const nowhere = facts.get('snapshot/deeper');
  if (nowhere !== undefined) nowhere.mtime = facts.get('snapshot')?.mtime ?? 0n;
  const json = JSON.stringify([...facts], replaceBigInt);
  writeFileSync(new URL(`${name}.packed.gz`, fixtures), gzipSync(pack(bytes, used), { level: 9 }));
  writeFileSync(new URL(`${name}.json.gz`, fixtures), gzipSync(json, { level: 9 }));
  console.log(`${name}: ${used.size} blocks, ${facts.size} files`);
}
