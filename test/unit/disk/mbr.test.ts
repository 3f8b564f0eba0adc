import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPartitionTable } from '../../../src/disk/partition/index.ts';
import type { MbrTable } from '../../../src/disk/partition/table.ts';
import { memorySource } from '../../../src/disk/source.ts';
import { bootRecord, writeGpt, writeMbr } from '../../support/partition-tables.ts';
import { refused } from '../../support/refused.ts';

async function read(bytes: Buffer): Promise<MbrTable> {
  const table = await readPartitionTable(memorySource(bytes, 'foo.raw'));
  assert.equal(table?.kind, 'mbr');
  return table;
}

describe('an MBR', () => {
  it('is read', async () => {
    const table = await read(
      writeMbr([
        { type: 0x83, active: true, start: 2, sectors: 10 },
        { type: 0, start: 0, sectors: 0 },
        { type: 0x82, start: 12, sectors: 244 },
      ]),
    );
    assert.deepEqual(table.partitions, [
      { number: 1, type: 0x83, active: true, offset: 1024n, size: 5120n },
      { number: 3, type: 0x82, active: false, offset: 6144n, size: 124928n },
    ]);
  });

  it('counts, where a GPT is not announced', async () => {
    const { bytes } = writeGpt([]);
    bytes.set(bootRecord([{ type: 0x83, active: true, start: 40, sectors: 2 }]));
    assert.equal((await read(bytes)).partitions.length, 1);
  });

  it('is read with the chain of its extended partition, numbered from 5', async () => {
    const bytes = writeMbr([
      { type: 0x05, start: 10, sectors: 100 },
      { type: 0x83, start: 120, sectors: 5 },
    ]);
    bytes.set(
      bootRecord([
        { type: 0x83, active: true, start: 1, sectors: 4 },
        { type: 0x05, start: 20, sectors: 10 },
      ]),
      10 * 512,
    );
    bytes.set(bootRecord([{ type: 0x82, start: 2, sectors: 3 }]), 30 * 512);
    const { partitions } = await read(bytes);
    assert.deepEqual(
      partitions.map(({ number, type, active, offset, size }) => [
        number,
        type,
        active,
        offset / 512n,
        size / 512n,
      ]),
      [
        [5, 0x83, true, 11n, 4n],
        [6, 0x82, false, 32n, 3n],
        [2, 0x83, false, 120n, 5n],
      ],
    );
  });

  const chain = (at10: Buffer): Buffer => {
    const bytes = writeMbr([{ type: 0x0f, start: 10, sectors: 100 }]);
    bytes.set(at10, 10 * 512);
    return bytes;
  };
  const broken: readonly [what: string, bytes: Buffer, message: RegExp][] = [
    [
      'whose partitions overlap',
      writeMbr([
        { type: 0x83, start: 2, sectors: 10 },
        { type: 0x83, start: 11, sectors: 1 },
      ]),
      /partitions 1 and 2 overlap/,
    ],
    [
      'with a partition beyond the end',
      writeMbr([{ type: 0x83, start: 2, sectors: 255 }]),
      /partition 1 is at bytes 1024 to 131584/,
    ],
    [
      'with a partition over itself',
      writeMbr([{ type: 0x83, start: 0, sectors: 2 }]),
      /partition 1 is at bytes 0/,
    ],
    ['with no extended boot record', chain(Buffer.alloc(512)), /no extended boot record at offset 5120/],
    [
      'with a chain that leads beyond the end',
      chain(bootRecord([{ type: 0x05, start: 0xffff_ff00, sectors: 1 }])),
      /extended boot record is at offset \d+, beyond the end/,
    ],
    [
      'with a chain that leads in a circle',
      chain(bootRecord([{ type: 0x05, start: 5, sectors: 1 }])),
      /no extended boot record at offset 7680/,
    ],
  ];
  for (const [what, bytes, message] of broken) {
    it(`${what} is refused`, async () => {
      await assert.rejects(read(bytes), refused('InvalidArgs', message));
    });
  }

  it('with an endless chain is refused', async () => {
    const bytes = chain(bootRecord([{ type: 0x05, start: 5, sectors: 1 }]));
    bytes.set(bootRecord([{ type: 0x05, start: 6, sectors: 1 }]), 15 * 512);
    bytes.set(bootRecord([{ type: 0x05, start: 5, sectors: 1 }]), 16 * 512);
    await assert.rejects(read(bytes), refused('InvalidArgs', /more than 60 extended boot records/));
  });
});
