/** What GNU tar writes, in all its formats, is read as it was; what nobody should write is refused. */
import assert from 'node:assert/strict';
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { archivedContent } from '../../../src/build/oci/content.ts';
import { wholeContent } from '../../../src/build/content.ts';
import { readTar } from '../../../src/build/tar/read.ts';
import type { TarEntry } from '../../../src/build/tar/read.ts';
import { memorySource } from '../../../src/disk/source.ts';
import { failsWith } from '../../support/fails-with.ts';
import { Random } from '../../support/random.ts';
import { runSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { header, tarArchive } from '../../support/tar-archive.ts';

const scratch = scratchDirectory('tar');
const tree = path.join(scratch, 'tree');
const long = `${'d'.repeat(90)}/${'e'.repeat(90)}`;
/** As long as fits into a header. */
const linkTarget = `../${'t'.repeat(97)}`;
const content = new Random(1).bytes(5000);
/** Bytes that no text survives, as in security.capability. */
const attribute = Buffer.from('0100000200200000000000ff000a003d', 'hex');

async function read(archive: Buffer): Promise<Map<string, TarEntry>> {
  const entries = new Map<string, TarEntry>();
  for await (const entry of readTar(memorySource(archive, 'x.tar'))) {
    entries.set(entry.path.toString().replace(/^\.\//, '').replace(/\/$/, ''), entry);
  }
  return entries;
}

function tar(...options: readonly string[]): Buffer {
  const file = path.join(scratch, 'x.tar');
  runSync('tar', ['-C', tree, '--sort=name', '-cf', file, ...options, '.']);
  return readFileSync(file);
}

async function contentOf(archive: Buffer, entry: TarEntry | undefined): Promise<Buffer> {
  assert.ok(entry);
  return await wholeContent(archivedContent(memorySource(archive), entry.size, entry.extents), 1e9);
}

before(() => {
  mkdirSync(path.join(tree, long), { recursive: true });
  writeFileSync(path.join(tree, long, 'ü'), content, { mode: 0o640 });
  writeFileSync(path.join(tree, 'a'), content);
  writeFileSync(path.join(tree, 'empty'), '');
  linkSync(path.join(tree, 'a'), path.join(tree, 'b'));
  symlinkSync(linkTarget, path.join(tree, 'symlink'));
  runSync('chmod', ['4711', path.join(tree, 'a')]);
  runSync('mkfifo', [path.join(tree, 'pipe')]);
  runSync('setfattr', ['-n', 'user.test', '-v', `0x${attribute.toString('hex')}`, path.join(tree, 'a')]);
  const sparse = openSync(path.join(tree, 'sparse'), 'w');
  for (let i = 0; i < 40; i++) writeSync(sparse, content, 0, 4096, 1_000_000 + i * 65536);
  ftruncateSync(sparse, 9_000_000);
  closeSync(sparse);
});

describe('tar archives', () => {
  for (const format of ['gnu', 'oldgnu', 'posix', 'ustar']) {
    it(`of GNU tar's format ${format}`, async () => {
      const archive = tar(`--format=${format}`, '--owner=1234', '--group=5678');
      const entries = await read(archive);
      assert.deepEqual(
        [...entries.keys()].sort(),
        ['', 'a', 'b', 'empty', 'pipe', 'sparse', 'symlink', ...parents(long), `${long}/ü`].sort(),
      );
      const first = entries.get('a')?.kind === 'file' ? 'a' : 'b';
      const second = first === 'a' ? 'b' : 'a';
      assert.equal(entries.get(second)?.kind, 'hardLink');
      assert.equal(entries.get(second)?.linkTarget.toString(), `./${first}`);
      assert.equal(entries.get(first)?.mode, 0o4711);
      assert.deepEqual(await contentOf(archive, entries.get(first)), content);
      assert.deepEqual(await contentOf(archive, entries.get(`${long}/ü`)), content);
      assert.equal(entries.get(`${long}/ü`)?.uid, 1234);
      assert.equal(entries.get(`${long}/ü`)?.gid, 5678);
      assert.equal(entries.get('symlink')?.linkTarget.toString(), linkTarget);
      assert.equal(entries.get('pipe')?.kind, 'fifo');
      assert.equal(entries.get('empty')?.size, 0);
      assert.equal(entries.get(long)?.kind, 'directory');
    });
  }

  it('with owners that do not fit into octal digits', async () => {
    for (const format of ['gnu', 'posix']) {
      const entries = await read(tar(`--format=${format}`, '--owner=4000000000', '--group=4000000001'));
      assert.equal(entries.get('empty')?.uid, 4_000_000_000);
      assert.equal(entries.get('empty')?.gid, 4_000_000_001);
    }
  });

  it('with extended attributes, byte for byte', async () => {
    const entries = await read(tar('--format=posix', '--xattrs'));
    const entry = entries.get('a')?.kind === 'file' ? entries.get('a') : entries.get('b');
    assert.deepEqual(entry?.xattrs.get('user.test'), attribute);
  });

  for (const options of [
    ['--format=gnu'],
    ['--format=oldgnu'],
    ['--format=posix', '--sparse-version=0.0'],
    ['--format=posix', '--sparse-version=0.1'],
    ['--format=posix', '--sparse-version=1.0'],
  ]) {
    it(`with holes: ${options.join(' ')}`, async () => {
      const archive = tar('--sparse', ...options);
      assert.ok(archive.length < 1_000_000, 'the holes are not stored');
      const entries = await read(archive);
      assert.deepEqual(
        await contentOf(archive, entries.get('sparse')),
        readFileSync(path.join(tree, 'sparse')),
      );
      assert.deepEqual(await contentOf(archive, entries.get(`${long}/ü`)), content, 'what follows is found');
    });
  }

  it('without an end mark', async () => {
    const archive = tarArchive([{ path: 'a' }]).subarray(0, 512);
    assert.deepEqual([...(await read(archive)).keys()], ['a']);
  });
});

describe('bad tar archives are refused, naming the place', () => {
  const cases: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
    'cut off in a header': [tarArchive([{ path: 'a' }]).subarray(0, 300), /offset 0 is cut off/],
    'cut off in a file': [
      tarArchive([{ path: 'a', content: 'x'.repeat(2000) }]).subarray(0, 1024),
      /2000 bytes of data, more than there are/,
    ],
    'a wrong checksum': [
      Buffer.concat([Buffer.from('x'), tarArchive([{ path: 'a' }]).subarray(1)]),
      /does not match its checksum/,
    ],
    'text instead of numbers': [withField(124, 'hello'), /has "hello" as its size/],
    'a negative size': [
      withField(124, Buffer.from('ffffffffffffffffffffffff', 'hex')),
      /negative or beyond all measure/,
    ],
    'an unknown type': [tarArchive([{ path: 'a', type: 'Q' }]), /of type "Q"/],
    'a huge extended header': [
      Buffer.concat([header({ path: 'x', type: 'x' }, 2 << 20), Buffer.alloc(2 << 20)]),
      /extended header of 2097152 bytes/,
    ],
    'records that do not add up': [rawPax('99 path=a\n'), /malformed records/],
    'records without a length': [rawPax('path=a\n'), /malformed records/],
    'records of length 0': [rawPax('0 path=a\n'), /malformed records/],
    'an extended size that is none': [tarArchive([{ path: 'a', pax: { size: '-1' } }]), /bad size/],
    'a map of holes that overlaps': [
      tarArchive([
        { path: 'a', content: 'xxxx', pax: { 'GNU.sparse.size': '9', 'GNU.sparse.map': '0,2,1,2' } },
      ]),
      /overlaps or leaves the file/,
    ],
    'a map of holes without end': [
      tarArchive([
        {
          path: 'a',
          content: '3\n',
          pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9' },
        },
      ]),
      /does not end/,
    ],
    'a map of holes larger than its data': [
      tarArchive([{ path: 'a', content: 'xxxx', pax: { 'GNU.sparse.size': '9', 'GNU.sparse.map': '0,9' } }]),
      /less data than its map/,
    ],
    'global records without end': [
      Buffer.concat(Array.from({ length: 60 }, (_, i) => globalPax(`k${i}`))),
      /one global header too many/,
    ],
  };
  for (const [name, [archive, message]] of Object.entries(cases)) {
    it(name, () => failsWith(read(archive), 'InvalidArgs', message));
  }
});

function parents(file: string): string[] {
  return [path.dirname(file), file];
}

function withField(at: number, value: string | Buffer): Buffer {
  const block = Buffer.from(header({ path: 'a' }, 0));
  block.fill(0, at, at + 12);
  Buffer.from(value).copy(block, at);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function rawPax(records: string): Buffer {
  return Buffer.concat([
    header({ path: 'x', type: 'x' }, records.length),
    Buffer.from(records),
    Buffer.alloc(512 - records.length),
  ]);
}

function globalPax(key: string): Buffer {
  const text = `${key}=v\n`;
  const records = `${text.length + 3} ${text}`.padStart(0);
  const length = records.length;
  return Buffer.concat([
    header({ path: 'g', type: 'g' }, length),
    Buffer.from(`${length} ${text}`),
    Buffer.alloc(512 - length),
  ]);
}
