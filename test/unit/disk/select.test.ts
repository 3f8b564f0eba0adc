import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPartitionTable } from '../../../src/disk/partition/index.ts';
import { type Selection, type SelectOptions, selectPartitions } from '../../../src/disk/partition/select.ts';
import { memorySource } from '../../../src/disk/source.ts';
import { type GptEntry, type MbrEntry, types, writeGpt, writeMbr } from '../../support/partition-tables.ts';
import { refused } from '../../support/refused.ts';

const flags = { noBlockIo: 1n << 1n, grow: 1n << 59n, readOnly: 1n << 60n, noAuto: 1n << 63n };

type Part = Omit<GptEntry, 'first' | 'last'>;

async function selectGpt(parts: readonly Part[], options: Partial<SelectOptions> = {}): Promise<Selection> {
  const entries = parts.map((part, i) => ({ ...part, first: 40 + 2 * i, last: 41 + 2 * i }));
  const table = await readPartitionTable(memorySource(writeGpt(entries).bytes));
  return selectPartitions(table!, 'foo.raw', { architecture: 'x86-64', ...options });
}

async function selectMbr(parts: readonly Omit<MbrEntry, 'start' | 'sectors'>[]): Promise<Selection> {
  const entries = parts.map((part, i) => ({ ...part, start: 2 + 2 * i, sectors: 2 }));
  const table = await readPartitionTable(memorySource(writeMbr(entries)));
  return selectPartitions(table!, 'foo.raw', { architecture: 'x86-64' });
}

/** "root 1" … in no particular order. */
function chosen(selection: Selection): string[] {
  return [...selection.values()].map(({ designator, number }) => `${designator} ${number}`).sort();
}

// What is chosen, and where nothing is, is what systemd-dissect 262 does with such images
describe('from a GPT', () => {
  const {
    root,
    usr,
    generic,
    home,
    swap,
    esp,
    rootVerity,
    rootSignature,
    x86Root,
    armRoot,
    armUsr,
    riscvRoot,
  } = types;
  const cases: readonly [what: string, parts: readonly Part[], expected: readonly string[]][] = [
    ['the root partition', [{ type: root }], ['root 1']],
    ['root and usr', [{ type: usr }, { type: root }], ['root 2', 'usr 1']],
    ['usr alone', [{ type: usr }], ['usr 1']],
    ['usr rather than a generic partition', [{ type: generic }, { type: usr }], ['usr 2']],
    ['root rather than a generic partition', [{ type: generic }, { type: root }], ['root 2']],
    ['another root rather than a generic partition', [{ type: armRoot }, { type: generic }], ['root 1']],
    ['the only generic partition', [{ type: generic }], ['root 1']],
    [
      'the only generic partition that is not hidden',
      [{ type: generic, attributes: flags.noAuto }, { type: generic }, { type: generic, label: '_empty' }],
      ['root 2'],
    ],
    [
      'the only generic partition beside swap and home',
      [{ type: swap }, { type: home }, { type: generic }],
      ['home 2', 'root 3', 'swap 1'],
    ],
    [
      'the root for this architecture',
      [
        { type: x86Root, label: 'z_9' },
        { type: armRoot, label: 'z_9' },
        { type: root, label: 'a_1' },
      ],
      ['root 3'],
    ],
    [
      'the root for the secondary architecture',
      [
        { type: armRoot, label: 'z_9' },
        { type: x86Root, label: 'a_1' },
      ],
      ['root 2'],
    ],
    [
      'the newest root for other architectures',
      [
        { type: armRoot, label: 'a_1' },
        { type: riscvRoot, label: 'a_2' },
      ],
      ['root 2'],
    ],
    [
      'the newest by label',
      [
        { type: root, label: 'foo_1' },
        { type: root, label: 'foo_10' },
        { type: root, label: 'foo_9' },
      ],
      ['root 2'],
    ],
    ['a labelled one rather than one without', [{ type: root }, { type: root, label: 'foo_0' }], ['root 2']],
    [
      'the whole label',
      [
        { type: root, label: 'zoo_1' },
        { type: root, label: 'foo_10' },
        { type: root, label: '_empty' },
        { type: root },
      ],
      ['root 1'],
    ],
    [
      'the first of equals',
      [
        { type: root, label: 'a' },
        { type: root, label: 'a' },
      ],
      ['root 1'],
    ],
    [
      'the first home',
      [{ type: root }, { type: home, label: 'a_1' }, { type: home, label: 'a_2' }],
      ['home 2', 'root 1'],
    ],
    [
      'no hidden ones',
      [
        { type: root, attributes: flags.noAuto, label: 'z' },
        { type: root },
        { type: esp, attributes: flags.noBlockIo },
        { type: swap, attributes: flags.noAuto },
      ],
      ['root 2'],
    ],
    [
      'an ESP whatever bit 63',
      [{ type: root }, { type: esp, attributes: flags.noAuto }],
      ['esp 2', 'root 1'],
    ],
    [
      'root, hash tree and signature',
      [{ type: root }, { type: rootVerity }, { type: rootSignature }],
      ['root 1', 'root-verity 2', 'root-verity-sig 3'],
    ],
    [
      'the newest pair',
      [
        { type: root, label: 'a_1' },
        { type: rootVerity, label: 'a_1' },
        { type: rootVerity, label: 'a_2' },
        { type: root, label: 'a_2' },
      ],
      ['root 4', 'root-verity 3'],
    ],
    ['no hash tree for another architecture', [{ type: x86Root }, { type: rootVerity }], ['root 1']],
    ['no signature without a hash tree', [{ type: root }, { type: rootSignature }], ['root 1']],
  ];
  for (const [what, parts, expected] of cases) {
    it(`takes ${what}`, async () => {
      assert.deepEqual(chosen(await selectGpt(parts)), expected);
    });
  }

  const refusals: readonly [what: string, parts: readonly Part[], message: RegExp][] = [
    ['no partitions', [], /'foo.raw' has no suitable partitions: there is no root or usr partition/],
    ['only a hidden root', [{ type: root, attributes: flags.noAuto }], /there is no root or usr partition/],
    ['only home', [{ type: home }], /there is no root or usr partition/],
    [
      'two generic partitions',
      [{ type: generic }, { type: home }, { type: generic }],
      /several partitions could be the root partition: 1, 3/,
    ],
    [
      'a hash tree for root and one for usr',
      [{ type: types.root }, { type: types.rootVerity }, { type: types.usr }, { type: types.usrVerity }],
      /partitions 2 and 4 are hash trees, and there can be only one/,
    ],
    ['only a hash tree', [{ type: rootVerity }], /partition 1 \(root-verity\) has no partition to protect/],
    [
      'root and usr for different architectures',
      [{ type: armUsr }, { type: root }],
      /root partition is for x86-64, the usr partition for arm64/,
    ],
  ];
  for (const [what, parts, message] of refusals) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(selectGpt(parts), refused('InvalidArgs', message));
    });
  }

  it('tells the flags as stored', async () => {
    for (const [attributes, expected] of [
      [0n, { readOnly: false, growFileSystem: false }],
      [flags.readOnly, { readOnly: true, growFileSystem: false }],
      [flags.grow | flags.readOnly | 7n, { readOnly: true, growFileSystem: true }],
    ] as const) {
      assert.deepEqual((await selectGpt([{ type: root, attributes }])).get('root')?.flags, expected);
    }
  });

  describe('by root hash', () => {
    const hash = Buffer.from('00112233445566778899aabbccddeeff10112233445566778899aabbccddee00', 'hex');
    const first = '00112233-4455-6677-8899-aabbccddeeff';
    const last = '10112233-4455-6677-8899-aabbccddee00';

    it('takes the pair that matches, newest or not', async () => {
      const parts = [
        { type: root, label: 'a_9' },
        { type: root, uuid: first },
        { type: rootVerity, label: 'a_9' },
        { type: rootVerity, uuid: last },
      ];
      assert.deepEqual(chosen(await selectGpt(parts, { rootHash: hash })), ['root 2', 'root-verity 4']);
      assert.deepEqual(chosen(await selectGpt(parts)), ['root 1', 'root-verity 3']);
    });

    it('refuses when there is none', async () => {
      const noMatch = refused('InvalidArgs', /no pair of partitions matches the given root hash/);
      for (const parts of [
        [{ type: root }, { type: rootVerity }],
        [{ type: root, uuid: first }],
        [
          { type: root, uuid: first },
          { type: rootVerity, uuid: first },
        ],
        [{ type: generic, uuid: first }],
        [{ type: usr }],
      ]) {
        await assert.rejects(selectGpt(parts, { rootHash: hash }), noMatch);
      }
      await assert.rejects(selectGpt([{ type: usr }], { usrHash: hash }), refused('InvalidArgs', /usr hash/));
    });
  });
});

describe('from an MBR', () => {
  it('takes the one Linux partition that is active', async () => {
    assert.deepEqual(chosen(await selectMbr([{ type: 0x83, active: true }])), ['root 1']);
    assert.deepEqual(
      chosen(await selectMbr([{ type: 0x83 }, { type: 0x83, active: true }, { type: 0x82 }])),
      ['root 2'],
    );
    assert.deepEqual(
      chosen(
        await selectMbr([
          { type: 0x0c, active: true },
          { type: 0x83, active: true },
        ]),
      ),
      ['root 2'],
    );
  });

  it('says what is missing otherwise', async () => {
    await assert.rejects(
      selectMbr([{ type: 0x83 }]),
      refused('InvalidArgs', /no partition of type 0x83 \(Linux\) is marked active/),
    );
    await assert.rejects(
      selectMbr([{ type: 0x0c, active: true }]),
      refused('InvalidArgs', /has no partition of type 0x83/),
    );
    await assert.rejects(
      selectMbr([
        { type: 0x83, active: true },
        { type: 0x83, active: true },
      ]),
      refused('InvalidArgs', /several partitions of type 0x83 are marked active: 1, 2/),
    );
  });
});
