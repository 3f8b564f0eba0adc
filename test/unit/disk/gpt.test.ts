import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPartitionTable, type GptTable } from '../../../src/disk/partition/index.ts';
import { memorySource } from '../../../src/disk/source.ts';
import {
  type GptEntry,
  type GptMedium,
  repairHeader,
  types,
  writeGpt,
  writeMbr,
} from '../../support/partition-tables.ts';
import { refused } from '../../support/refused.ts';

const root: GptEntry = { type: types.root, first: 40, last: 49, label: 'foo_1.0', attributes: 1n << 60n };

async function read(medium: GptMedium | Buffer): Promise<GptTable> {
  const bytes = Buffer.isBuffer(medium) ? medium : medium.bytes;
  const table = await readPartitionTable(memorySource(bytes, 'foo.raw'));
  assert.equal(table?.kind, 'gpt');
  return table;
}

/** A good medium with something changed. */
function bent(change: (medium: GptMedium) => void, entries: readonly GptEntry[] = [root]): GptMedium {
  const medium = writeGpt(entries);
  change(medium);
  return medium;
}

/** Both headers changed in the same way, with checksums that fit. */
function bentHeaders(change: (header: Buffer) => void): GptMedium {
  return bent(({ bytes, primary, backup }) => {
    for (const offset of [primary, backup]) {
      change(bytes.subarray(offset, offset + 92));
      repairHeader(bytes, offset);
    }
  });
}

describe('a GPT', () => {
  for (const sectorSize of [512, 4096]) {
    it(`is read with sectors of ${sectorSize} bytes`, async () => {
      const last: GptEntry = { ...root, first: 50, last: 60, label: '\u00fcn\u{1f600}', uuid: types.usr };
      const table = await read(writeGpt([root, last], { sectorSize }));
      assert.equal(table.sectorSize, sectorSize);
      assert.equal(table.uuid, '00112233-4455-6677-8899-aabbccddeeff');
      assert.equal(table.isBackup, false);
      assert.deepEqual(table.partitions, [
        {
          number: 1,
          type: types.root,
          uuid: '12345678-9abc-def0-1234-56789abcdef0',
          label: 'foo_1.0',
          attributes: 1n << 60n,
          offset: 40n * BigInt(sectorSize),
          size: 10n * BigInt(sectorSize),
        },
        {
          number: 2,
          type: types.root,
          uuid: types.usr,
          label: 'ün😀',
          attributes: 1n << 60n,
          offset: 50n * BigInt(sectorSize),
          size: 11n * BigInt(sectorSize),
        },
      ]);
    });
  }

  it('may have larger entries, and fewer or more of them', async () => {
    for (const [entrySize, entryCount] of [
      [256, 128],
      [128, 4],
      [4096, 16],
      [136, 100],
    ] as const) {
      const table = await read(
        writeGpt([{ ...root, first: 300, last: 310 }], { entrySize, entryCount, sectors: 1024 }),
      );
      assert.equal(table.partitions[0]?.label, 'foo_1.0', `${entryCount} of ${entrySize}`);
    }
  });

  it('may be empty', async () => {
    assert.deepEqual((await read(writeGpt([]))).partitions, []);
  });

  it('makes text of any label', async () => {
    const medium = writeGpt([{ ...root, label: 'x'.repeat(36) }]);
    assert.equal((await read(medium)).partitions[0]?.label, 'x'.repeat(36));
    const lone = writeGpt([{ ...root, label: 'a\ud800b' }]);
    assert.equal((await read(lone)).partitions[0]?.label, 'a\ufffdb');
  });

  const damage: readonly [name: string, change: (medium: GptMedium) => void][] = [
    ['a header that is overwritten', ({ bytes, primary }) => bytes.fill(0, primary, primary + 92)],
    ['a header with a flipped bit', ({ bytes, primary }) => (bytes[primary + 60]! ^= 1)],
    ['entries with a flipped bit', ({ bytes }) => (bytes[1024 + 60]! ^= 1)],
    [
      'a header that belongs elsewhere',
      ({ bytes, primary, backup }) => bytes.copy(bytes, primary, backup, backup + 92),
    ],
  ];
  for (const [name, change] of damage) {
    it(`with ${name} is read from its backup`, async () => {
      const table = await read(bent(change));
      assert.equal(table.isBackup, true);
      assert.equal(table.partitions[0]?.label, 'foo_1.0');
    });
  }

  it('with two bad headers is refused, saying what is wrong with each', async () => {
    const medium = bent(({ bytes, primary, backup }) => {
      bytes[primary + 60]! ^= 1;
      bytes.writeUInt32LE(12, backup + 12);
    });
    await assert.rejects(
      read(medium),
      refused(
        'InvalidArgs',
        /'foo.raw' is corrupt.*GPT header at offset 512 does not match its checksum; the backup GPT header at offset 130560 says it is 12 bytes long/,
      ),
    );
  });

  it('with no header is refused', async () => {
    const medium = bent(({ bytes, primary, backup }) => {
      bytes.fill(0, primary, primary + 8);
      bytes.fill(0, backup, backup + 8);
    });
    await assert.rejects(
      read(medium),
      refused('InvalidArgs', /there is no GPT header where the first sector announces one/),
    );
  });

  it('is not read without a protective boot record, but said to be there', async () => {
    const medium = bent(({ bytes }) => bytes.fill(0, 0, 512));
    await assert.rejects(
      read(medium),
      refused('InvalidArgs', /'foo.raw' has a GPT, but no protective master boot record/),
    );
  });

  it('of a truncated image says how many sectors are missing', async () => {
    const { bytes } = writeGpt([root]);
    await assert.rejects(
      read(bytes.subarray(0, 100 * 512)),
      refused('InvalidArgs', /covers the sectors up to 222, but there are only 100/),
    );
  });

  it('of an image that has grown since is read', async () => {
    const { bytes } = writeGpt([root]);
    assert.equal((await read(Buffer.concat([bytes, Buffer.alloc(10_000)]))).partitions.length, 1);
  });

  it('for both sector sizes at once is refused', async () => {
    const large = writeGpt([{ ...root, first: 10, last: 10 }], {
      sectorSize: 4096,
      entryCount: 4,
      sectors: 32,
    });
    const small = writeGpt([{ ...root, first: 100, last: 101 }], { sectors: 256, entryCount: 4 });
    small.bytes.copy(large.bytes, 512, 512, 4 * 512);
    await assert.rejects(read(large), refused('InvalidArgs', /GPTs for sectors of 512 and of 4096 bytes/));
  });

  const hostile: readonly [what: string, change: (header: Buffer) => void, message: RegExp][] = [
    [
      'a header longer than a sector',
      (header) => header.writeUInt32LE(4096, 12),
      /says it is 4096 bytes long/,
    ],
    ['no entries', (header) => header.writeUInt32LE(0, 80), /has 0 entries of 128 bytes/],
    ['4 billion entries', (header) => header.writeUInt32LE(0xffff_ffff, 80), /has 4294967295 entries/],
    ['small entries', (header) => header.writeUInt32LE(64, 84), /has entries of 64 bytes/],
    ['odd entries', (header) => header.writeUInt32LE(129, 84), /has entries of 129 bytes/],
    [
      'huge entries',
      (header) => header.writeUInt32LE(0xffff_fff8, 84),
      /has 128 entries of 4294967288 bytes/,
    ],
    [
      'entries beyond the end',
      (header) => header.writeBigUInt64LE(2n ** 63n, 72),
      /entries at offset \d+, beyond the end/,
    ],
    [
      'usable sectors the wrong way round',
      (header) => header.writeBigUInt64LE(9000n, 40),
      /usable sectors are 9000 to 222/,
    ],
    [
      'usable sectors that cover the header',
      (header) => header.writeBigUInt64LE(0n, 40),
      /leaves the headers to partitions/,
    ],
  ];
  for (const [what, change, message] of hostile) {
    it(`with ${what} is refused`, async () => {
      await assert.rejects(read(bentHeaders(change)), refused('InvalidArgs', message));
    });
  }

  const layouts: readonly [what: string, entries: readonly GptEntry[], message: RegExp][] = [
    ['overlap', [root, { ...root, first: 49, last: 52 }], /partitions 1 and 2 overlap/],
    [
      'are one in another',
      [
        { ...root, last: 90 },
        { ...root, first: 50, last: 52 },
      ],
      /partitions 1 and 2 overlap/,
    ],
    ['end before they start', [{ ...root, first: 50, last: 48 }], /partition 1 ends before it starts/],
    [
      'lie beyond the usable sectors',
      [{ ...root, last: 223 }],
      /partition 1 is at bytes 20480 to 114688, outside of 17408 to 114176/,
    ],
    ['lie before the usable sectors', [{ ...root, first: 1 }], /partition 1 is at bytes 512 to/],
    ['wrap around', [{ ...root, last: Number.MAX_SAFE_INTEGER }], /partition 1 is at bytes/],
  ];
  for (const [what, entries, message] of layouts) {
    it(`whose partitions ${what} is refused`, async () => {
      await assert.rejects(read(writeGpt(entries)), refused('InvalidArgs', message));
    });
  }
});

describe('no partition table', () => {
  it('is found in anything else', async () => {
    const almost = writeMbr([{ type: 0x83, start: 1, sectors: 9 }]);
    almost[446] = 0x12;
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.alloc(511),
      Buffer.alloc(512),
      Buffer.alloc(10_000, 0xff),
      almost,
    ]) {
      assert.equal(await readPartitionTable(memorySource(bytes)), undefined);
    }
  });
});
