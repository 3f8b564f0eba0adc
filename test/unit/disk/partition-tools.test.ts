import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readPartitionTable } from '../../../src/disk/partition/index.ts';
import type { GptTable, PartitionTable } from '../../../src/disk/partition/table.ts';
import { memorySource } from '../../../src/disk/source.ts';
import { types } from '../../support/partition-tables.ts';
import { Random } from '../../support/random.ts';
import { runSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('tables', '/dev/shm');
const disk = join(scratch, 'disk');

function emptyDisk(mebibytes: number): void {
  writeFileSync(disk, '');
  truncateSync(disk, mebibytes * 1024 * 1024);
}

async function read(): Promise<PartitionTable> {
  const table = await readPartitionTable(memorySource(readFileSync(disk)));
  assert.ok(table !== undefined);
  return table;
}

interface SfdiskPartition {
  readonly node: string;
  readonly start: number;
  readonly size: number;
  readonly type: string;
  readonly uuid?: string;
  readonly name?: string;
  readonly attrs?: string;
  readonly bootable?: boolean;
}

/** What sfdisk reads of the disk. */
function sfdisk(): {
  readonly label: string;
  readonly id: string;
  readonly partitions: readonly SfdiskPartition[];
} {
  const { partitiontable } = JSON.parse(runSync('sfdisk', ['--json', disk])) as {
    partitiontable: { label: string; id: string; partitions?: SfdiskPartition[] };
  };
  return { partitions: [], ...partitiontable };
}

function numberOf({ node }: SfdiskPartition): number {
  return Number(node.slice(disk.length));
}

/** A GPT in sfdisk's words. */
function inSfdiskWords(table: GptTable): object[] {
  return table.partitions.map(({ number, type, uuid, label, attributes, offset, size }) => ({
    number,
    type: type.toUpperCase(),
    uuid: uuid.toUpperCase(),
    label,
    bits: Array.from({ length: 64 }, (_, bit) => bit).filter(
      (bit) => ((attributes >> BigInt(bit)) & 1n) === 1n,
    ),
    start: Number(offset) / table.sectorSize,
    sectors: Number(size) / table.sectorSize,
  }));
}

/** sfdisk's names for the bits that all partitions share, and numbers for those of the type. */
function bitsOf(attributes = ''): number[] {
  const names: Readonly<Record<string, number>> = {
    RequiredPartition: 0,
    NoBlockIOProtocol: 1,
    LegacyBIOSBootable: 2,
  };
  const words = attributes.split(/[ ,]|GUID:/).filter((word) => word !== '');
  return words.map((word) => names[word] ?? Number(word)).sort((a, b) => a - b);
}

describe('the partition tables that tools write', () => {
  it('are read as sfdisk reads them: GPT', async () => {
    const random = new Random(7);
    const names = ['', 'foo_1.2', 'a b', 'größe', '日本', 'x'.repeat(36)];
    const attributes = [
      '',
      'GUID:60',
      'GUID:59,60,63',
      'RequiredPartition',
      'LegacyBIOSBootable GUID:63',
      'NoBlockIOProtocol',
    ];
    for (let round = 0; round < 12; round++) {
      emptyDisk(16);
      const lines = ['label: gpt', `table-length: ${random.pick([4, 128, 200])}`];
      const count = random.pick([0, 1, 3, 4]);
      for (let i = 0; i < count; i++) {
        const type = random.pick(Object.values(types));
        const number = random.pick([1, 2, 3, 4]);
        if (lines.some((line) => line.startsWith(`${disk}${number} `))) continue;
        const start = 2048 * (number + 1) + random.pick([0, 1, 7]);
        const name = JSON.stringify(random.pick(names));
        const attrs = JSON.stringify(random.pick(attributes));
        lines.push(
          `${disk}${number} : start=${start}, size=${random.pick([1, 100, 2000])}, type=${type}, name=${name}, attrs=${attrs}`,
        );
      }
      runSync('sfdisk', ['--quiet', '--no-tell-kernel', disk], { input: `${lines.join('\n')}\n` });
      const theirs = sfdisk();
      const ours = await read();
      assert.equal(ours.kind, 'gpt');
      assert.equal(ours.uuid.toUpperCase(), theirs.id);
      assert.equal(ours.isBackup, false);
      const expected = theirs.partitions.map((each) => ({
        number: numberOf(each),
        type: each.type,
        uuid: each.uuid,
        label: each.name ?? '',
        bits: bitsOf(each.attrs),
        start: each.start,
        sectors: each.size,
      }));
      assert.deepEqual(inSfdiskWords(ours), expected, lines.join('\n'));
      // and from the backup alone
      const bytes = readFileSync(disk);
      bytes.fill(0, 512, 34 * 512);
      const backup = await readPartitionTable(memorySource(bytes));
      assert.ok(backup?.kind === 'gpt' && backup.isBackup);
      assert.deepEqual(backup.partitions, ours.partitions);
    }
  });

  it('are read as sfdisk reads them: MBR', async () => {
    const scripts = [
      'label: dos\ntype=83, size=1M, bootable\n',
      'label: dos\ntype=83, size=1M\ntype=82, size=1M\ntype=c, size=1M\ntype=83, bootable\n',
      'label: dos\ntype=83, size=1M\ntype=5, size=9M\ntype=83, size=1M, bootable\ntype=82, size=1M\ntype=83, size=2M\n',
      'label: dos\ntype=f, size=12M\ntype=83, size=1M\ntype=83, size=1M\ntype=83, size=1M, bootable\ntype=83, size=1M\n',
      'label: dos\n',
    ];
    for (const script of scripts) {
      emptyDisk(16);
      runSync('sfdisk', ['--quiet', '--no-tell-kernel', disk], { input: script });
      const table = await read();
      assert.equal(table.kind, 'mbr');
      const ours = table.partitions.map(({ number, type, active, offset, size }) => ({
        number,
        type: type.toString(16),
        active,
        start: Number(offset) / 512,
        sectors: Number(size) / 512,
      }));
      const theirs = sfdisk().partitions.filter((each) => numberOf(each) <= 4);
      const expected = theirs.map((each) => ({
        number: numberOf(each),
        type: each.type,
        active: each.bootable === true,
        start: each.start,
        sectors: each.size,
      }));
      const byNumber = (a: { number: number }, b: { number: number }): number => a.number - b.number;
      assert.deepEqual(ours.sort(byNumber), expected.sort(byNumber), script);
    }
  });

  it('are read as sgdisk writes them', async () => {
    emptyDisk(16);
    runSync('sgdisk', [
      '--set-alignment=1',
      '--new=3:100:199',
      `--typecode=3:${types.root}`,
      '--change-name=3:foo_3',
      '--attributes=3:set:60',
      '--new=1:5000:+1M',
      `--typecode=1:${types.usr}`,
      '--disk-guid=00112233-4455-6677-8899-AABBCCDDEEFF',
      '--partition-guid=1:10112233-4455-6677-8899-AABBCCDDEE00',
      disk,
    ]);
    const table = await read();
    assert.equal(table.kind, 'gpt');
    assert.equal(table.uuid, '00112233-4455-6677-8899-aabbccddeeff');
    const [first, second] = table.partitions;
    assert.equal(first?.uuid, '10112233-4455-6677-8899-aabbccddee00');
    assert.deepEqual(
      { ...first, uuid: '' },
      {
        number: 1,
        type: types.usr,
        uuid: '',
        label: '',
        attributes: 0n,
        offset: 5000n * 512n,
        size: 1024n * 1024n,
      },
    );
    assert.deepEqual(
      { ...second, uuid: '' },
      {
        number: 3,
        type: types.root,
        uuid: '',
        label: 'foo_3',
        attributes: 1n << 60n,
        offset: 51200n,
        size: 51200n,
      },
    );
  });

  it('are read as fdisk writes them with sectors of 4096 bytes', async () => {
    emptyDisk(16);
    runSync('fdisk', ['--sector-size', '4096', '--noauto-pt', disk], {
      input: 'g\nn\n5\n300\n400\nn\n2\n1000\n1001\nw\n',
    });
    const table = await read();
    assert.equal(table.kind, 'gpt');
    assert.equal(table.sectorSize, 4096);
    assert.deepEqual(
      table.partitions.map(({ number, type, offset, size }) => ({ number, type, offset, size })),
      [
        { number: 2, type: types.generic, offset: 1000n * 4096n, size: 2n * 4096n },
        { number: 5, type: types.generic, offset: 300n * 4096n, size: 101n * 4096n },
      ],
    );
  });
});
