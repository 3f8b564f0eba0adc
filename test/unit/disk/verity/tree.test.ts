import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type BlockSource, memorySource } from '../../../../src/disk/source.ts';
import { HashTree } from '../../../../src/disk/verity/hash-tree.ts';
import { verifiedSource } from '../../../../src/disk/verity/verified-source.ts';
import { Random } from '../../../support/random.ts';
import { refused } from '../../../support/refused.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import { type TreeOptions, makeHashTree } from '../../../support/verity.ts';

const scratch = scratchDirectory('verity-tree', '/dev/shm');

/** Data with its hash tree, as veritysetup made it. */
interface Made {
  readonly data: Buffer;
  readonly tree: Buffer;
  readonly rootHash: string;
}

function make(bytes: number, options: TreeOptions = {}): Made {
  const data = new Random(bytes).bytes(bytes);
  const [dataFile, treeFile] = [join(scratch, 'data'), join(scratch, 'tree')];
  writeFileSync(dataFile, data);
  writeFileSync(treeFile, '');
  const rootHash = makeHashTree(dataFile, treeFile, options);
  return { data, tree: readFileSync(treeFile), rootHash };
}

async function open({ data, tree, rootHash }: Made): Promise<BlockSource> {
  const hashTree = await HashTree.open(memorySource(tree, 'foo.verity'), Buffer.from(rootHash, 'hex'));
  return verifiedSource(memorySource(data, 'foo.raw'), hashTree);
}

function flipped(bytes: Buffer, at: number, bit = 1): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ bit;
  return copy;
}

describe('data with a hash tree of veritysetup', () => {
  const combinations: readonly (readonly [name: string, bytes: number, options: TreeOptions])[] = [
    ...['sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha3-224', 'sha3-256', 'sha3-384', 'sha3-512'].map(
      (hash) => [hash, 700_000, { hash, hashBlockSize: 512 }] as const,
    ),
    ...['blake2b-512', 'blake2s-256'].map((hash) => [hash, 700_000, { hash, hashBlockSize: 1024 }] as const),
    ...[512, 1024, 2048, 4096].flatMap((dataBlockSize) =>
      [512, 1024, 2048, 4096].map((hashBlockSize) => {
        const name = `blocks of ${dataBlockSize} and ${hashBlockSize} bytes`;
        return [name, 300_000, { dataBlockSize, hashBlockSize }] as const;
      }),
    ),
    ['no salt', 300_000, { salt: '-' }],
    ['a salt of one byte', 300_000, { salt: 'a5' }],
    ['the longest salt', 300_000, { salt: 'c3'.repeat(256) }],
    ['hashes after the manner of Chrome OS', 300_000, { format: 0 }],
    ['hashes of Chrome OS that fill no block', 300_000, { format: 0, hash: 'sha384', hashBlockSize: 512 }],
    ['one block', 4096, {}],
    ['one block, and no salt', 512, { dataBlockSize: 512, hashBlockSize: 512, salt: '-' }],
    ['as many blocks as one hash block covers', 128 * 4096, {}],
    ['one block more', 129 * 4096, {}],
    ['a part of the data', 300_000, { dataBlocks: 17 }],
  ];
  for (const [name, bytes, options] of combinations) {
    it(`is read as it is: ${name}`, async () => {
      const made = make(bytes, options);
      const source = await open(made);
      const blockSize = options.dataBlockSize ?? 4096;
      const covered = (options.dataBlocks ?? Math.floor(bytes / blockSize)) * blockSize;
      assert.equal(source.size, BigInt(covered));
      assert.ok((await source.read(0n, covered)).equals(made.data.subarray(0, covered)));
      const random = new Random(bytes);
      for (let i = 0; i < 50; i++) {
        const from = random.below(covered);
        const length = random.below(Math.min(covered - from, 200_000) + 1);
        const read = await source.read(BigInt(from), length);
        assert.ok(read.equals(made.data.subarray(from, from + length)), `${length} bytes from ${from}`);
      }
      await assert.rejects(source.read(BigInt(covered), 1), refused('InvalidArgs', /outside its/));
      await assert.rejects(source.read(-1n, 1), refused('InvalidArgs', /outside its/));
    });
  }

  it('is not read when a bit of it is flipped, wherever, and the block is named', async () => {
    const made = make(12 * 512, { dataBlockSize: 512, hashBlockSize: 512 });
    for (let at = 0; at < made.data.length; at++) {
      const block = Math.floor(at / 512);
      const source = await open({ ...made, data: flipped(made.data, at, 1 << (at % 8)) });
      await assert.rejects(
        source.read(BigInt(at), 1),
        refused(
          'InvalidArgs',
          new RegExp(
            `^'foo\\.raw' .*block ${block} of the data, at offset ${block * 512}, does not match its hash in 'foo\\.verity'`,
          ),
        ),
      );
    }
  });

  it('is not read when a bit of the tree is flipped, wherever, and the hash block is named', async () => {
    // three levels: 300 blocks, 16 hashes each
    const made = make(300 * 512, { dataBlockSize: 512, hashBlockSize: 512 });
    const levels = [1, 2, 19];
    assert.equal(made.tree.length, 512 * (1 + levels.reduce((sum, count) => sum + count)));
    for (let at = 512; at < made.tree.length; at += 11) {
      const source = await open({ ...made, tree: flipped(made.tree, at, 1 << (at % 8)) });
      const offset = at - (at % 512);
      await assert.rejects(
        source.read(0n, made.data.length),
        refused(
          'InvalidArgs',
          new RegExp(`^'foo\\.verity' .*the hash block at offset ${offset} \\(level \\d`),
        ),
        `byte ${at}`,
      );
    }
  });

  it('is not read with any other root hash', async () => {
    const made = make(300 * 512, { dataBlockSize: 512, hashBlockSize: 512 });
    const hash = Buffer.from(made.rootHash, 'hex');
    for (let bit = 0; bit < hash.length * 8; bit++) {
      const rootHash = flipped(hash, bit >> 3, 1 << (bit & 7)).toString('hex');
      const source = await open({ ...made, rootHash });
      await assert.rejects(source.read(0n, 1), refused('InvalidArgs', /does not match the root hash/));
    }
    for (const rootHash of [made.rootHash.slice(2), `${made.rootHash}00`, made.rootHash.slice(0, 32)]) {
      await assert.rejects(
        open({ ...made, rootHash }),
        refused('InvalidArgs', /sha256, which has 32 bytes, and the root hash has (31|33|16)/),
      );
    }
  });

  it('is not read when the superblock is another in any byte that counts', async () => {
    const made = make(300 * 512, { dataBlockSize: 512, hashBlockSize: 512, salt: 'ab'.repeat(8) });
    // signature, version, hash type; algorithm up to its end; sizes and number of blocks, length of the salt; salt
    const ranges = [
      [0, 16],
      [32, 39],
      [64, 82],
      [88, 96],
    ] as const;
    for (const [from, to] of ranges) {
      for (let at = from; at < to; at++) {
        for (const bit of [1, 0x80]) {
          const attempt = async (): Promise<Buffer> => {
            const source = await open({ ...made, tree: flipped(made.tree, at, bit) });
            return source.read(0n, Number(source.size));
          };
          await assert.rejects(attempt, refusedSomehow, `byte ${at}`);
        }
      }
    }
    // the UUID, and what nothing is said in
    for (const at of [16, 31, 60, 82, 87, 100, 343, 344, 511]) {
      const source = await open({ ...made, tree: flipped(made.tree, at) });
      assert.ok((await source.read(0n, made.data.length)).equals(made.data), `byte ${at}`);
    }
  });

  it('is read in parts without reading the rest, of data or tree', async () => {
    const made = make(64 * 1024 * 1024);
    const tree = memorySource(made.tree, 'foo.verity');
    const data = memorySource(made.data, 'foo.raw');
    const source = verifiedSource(data, await HashTree.open(tree, Buffer.from(made.rootHash, 'hex')));
    await source.read(33_333_333n, 10);
    // a page of data; the superblock and a hash block of each of the two levels
    assert.equal(source.bytesRead, 64 * 1024);
    assert.equal(tree.bytesRead, 512 + 2 * 4096);
    for (let i = 0; i < 100; i++) await source.read(33_333_000n, 512);
    assert.equal(data.bytesRead + tree.bytesRead, 64 * 1024 + 512 + 2 * 4096);
  });

  it('is read by many at once', async () => {
    const made = make(2_000_000, { dataBlockSize: 1024, hashBlockSize: 1024 });
    const source = await open(made);
    const random = new Random(1);
    const reads = Array.from({ length: 200 }, async () => {
      const from = random.below(1_900_000);
      assert.ok((await source.read(BigInt(from), 40_000)).equals(made.data.subarray(from, from + 40_000)));
    });
    await Promise.all(reads);
  });
});

function refusedSomehow(error: unknown): true {
  assert.match(String(error), /'foo\.(verity|raw)'/);
  return refused((error as { code: 'InvalidArgs' | 'NotSupported' }).code, /verity/)(error);
}

describe('a hash tree that makes no sense', () => {
  const made = (): Made => make(300 * 512, { dataBlockSize: 512, hashBlockSize: 512 });
  const changed = (change: (superblock: Buffer) => void): Made => {
    const { tree, ...rest } = made();
    change(tree);
    return { ...rest, tree };
  };
  const refusals: readonly (readonly [string, () => Made, 'InvalidArgs' | 'NotSupported', RegExp])[] = [
    ['nothing', () => ({ ...made(), tree: Buffer.alloc(0) }), 'InvalidArgs', /ends in the superblock, at 0/],
    [
      'half a superblock',
      () => ({ ...made(), tree: made().tree.subarray(0, 300) }),
      'InvalidArgs',
      /ends in the superblock, at 300/,
    ],
    [
      'zeros',
      () => ({ ...made(), tree: Buffer.alloc(8192) }),
      'InvalidArgs',
      /no verity superblock at offset 0/,
    ],
    [
      'a superblock that is elsewhere',
      () => make(300 * 512, { hashOffset: 8192 }),
      'InvalidArgs',
      /no verity superblock at offset 0/,
    ],
    [
      'no superblock',
      () => make(300 * 512, { superblock: false, salt: '-' }),
      'InvalidArgs',
      /no verity superblock at offset 0/,
    ],
    [
      'another version',
      () => changed((bytes) => bytes.writeUInt32LE(2, 8)),
      'NotSupported',
      /uses version 2 of the superblock/,
    ],
    ['another type', () => changed((bytes) => bytes.writeUInt32LE(7, 12)), 'NotSupported', /the hash type 7/],
    [
      'an algorithm that nobody knows',
      () => changed((bytes) => bytes.write('crc32\0', 32)),
      'NotSupported',
      /the hash algorithm "crc32", which is none of sha1, .*sha256/,
    ],
    [
      'data blocks of no byte',
      () => changed((bytes) => bytes.writeUInt32LE(0, 64)),
      'InvalidArgs',
      /data blocks have 0 bytes/,
    ],
    [
      'data blocks of odd size',
      () => changed((bytes) => bytes.writeUInt32LE(3 * 512, 64)),
      'InvalidArgs',
      /data blocks have 1536 bytes/,
    ],
    [
      'huge data blocks',
      () => changed((bytes) => bytes.writeUInt32LE(0x8000_0000, 64)),
      'InvalidArgs',
      /data blocks have 2147483648 bytes/,
    ],
    [
      'hash blocks larger than any page of this machine',
      () => changed((bytes) => bytes.writeUInt32LE(process.arch === 'x64' ? 8192 : 128 * 1024, 68)),
      'InvalidArgs',
      /hash blocks have (8192|131072) bytes/,
    ],
    [
      'huge hash blocks',
      () => changed((bytes) => bytes.writeUInt32LE(128 * 1024, 68)),
      'InvalidArgs',
      /hash blocks have 131072 bytes/,
    ],
    [
      'no data',
      () => changed((bytes) => bytes.writeBigUInt64LE(0n, 72)),
      'InvalidArgs',
      /covers no data blocks/,
    ],
    [
      'more data than there can be',
      () => changed((bytes) => bytes.writeBigUInt64LE(2n ** 64n - 1n, 72)),
      'InvalidArgs',
      /a tree over 18446744073709551615 blocks takes \d+ bytes, and it has 11776/,
    ],
    [
      'too long a salt',
      () => changed((bytes) => bytes.writeUInt16LE(257, 80)),
      'InvalidArgs',
      /the salt has 257 bytes/,
    ],
    [
      'a tree that is cut off',
      () => ({ ...made(), tree: made().tree.subarray(0, -1) }),
      'InvalidArgs',
      /a tree over 300 blocks takes 11776 bytes, and it has 11775/,
    ],
    [
      'data that is cut off',
      () => ({ ...made(), data: made().data.subarray(0, -1) }),
      'InvalidArgs',
      /^'foo.raw' .*'foo.verity' covers 153600 bytes, and there are only 153599/,
    ],
  ];
  for (const [name, broken, code, message] of refusals) {
    it(`is refused: ${name}`, async () => {
      await assert.rejects(open(broken()), refused(code, message));
    });
  }
});
