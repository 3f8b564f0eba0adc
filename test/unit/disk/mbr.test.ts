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
  ];
  for (const [what, bytes, message] of broken) {
    it(`${what} is refused`, async () => {
      await assert.rejects(read(bytes), refused('InvalidArgs', message));
    });
  }
});
