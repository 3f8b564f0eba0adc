/** What the vfat reader makes of names, times, chains and boot sectors that no tool writes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Budget, defaultLimits } from '../../../../src/disk/budget.ts';
import { openFat } from '../../../../src/disk/fat/index.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import type { FileTree, TreeNode } from '../../../../src/disk/tree.ts';
import { failsWith } from '../../../support/fails-with.ts';
import {
  FatBuilder,
  type FatOptions,
  attribute,
  bad,
  longSlots,
  named,
  slot,
} from '../../../support/fat-builder.ts';

const open = (bytes: Buffer, limits = defaultLimits): Promise<FileTree> =>
  openFat(memorySource(bytes, 'foo.raw'), new Budget('foo.raw', limits));

/** The names in a root directory that has just these entries. */
async function names(...slots: readonly (Buffer | readonly Buffer[])[]): Promise<string[]> {
  const fat = new FatBuilder({ bits: 12, clusters: 20 });
  fat.directory(fat.rootAt, ...slots);
  return listed(await (await open(fat.bytes)).root());
}

async function listed(node: TreeNode): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of node.entries()) found.push(name.toString());
  return found;
}

async function find(tree: FileTree, ...path: readonly string[]): Promise<TreeNode> {
  let node = await tree.root();
  for (const name of path) {
    const next = await node.lookup(Buffer.from(name));
    assert.ok(next !== undefined, `${name} is not there`);
    node = next;
  }
  return node;
}

describe('short names', () => {
  it('are shown as stored, without the blanks', async () => {
    const shown = await names(
      slot('FOO     TXT'),
      slot('NOEXT      '),
      slot('A B     C D'),
      slot('        EXT'),
    );
    assert.deepEqual(shown, ['FOO.TXT', 'NOEXT', 'A B.C D', '.EXT']);
  });
  it('are in lower case where the flags say so, with accents', async () => {
    const accents = Buffer.concat([
      Buffer.from([0x8e, 0x99, 0xe4]),
      Buffer.from('     \x80\x9b\xa5', 'latin1'),
    ]);
    const shown = await names(
      slot('BASE    EXT', { caseFlags: 0x08 }),
      slot('BASF    EXT', { caseFlags: 0x10 }),
      slot('BASG    EXT', { caseFlags: 0x18 }),
      slot(accents, { caseFlags: 0x18 }),
    );
    assert.deepEqual(shown, ['base.EXT', 'BASF.ext', 'basg.ext', 'äöσ.ç¢ñ']);
  });
  it('may start with the letter that marks deleted entries', async () => {
    const shown = await names(
      slot(Buffer.from('\x05BC     DEF', 'latin1')),
      slot(Buffer.from('\xe5BC     DEF', 'latin1')),
    );
    assert.deepEqual(shown, ['σBC.DEF']);
  });
  it('that cannot be are refused', async () => {
    for (const name of ['A/B     TXT', 'A\0B     TXT', '           ']) {
      await failsWith(
        names(slot(name)),
        'InvalidArgs',
        /the directory entry at offset 1\d+ has an impossible name/,
      );
    }
  });
  it('end with the first entry that was never used', async () => {
    assert.deepEqual(await names(slot('ONE        '), Buffer.alloc(32), slot('TWO        ')), ['ONE']);
  });
  it('of the volume, "." and ".." are no files', async () => {
    const dots = ['.          ', '..         '].map((name) =>
      slot(name, { attributes: attribute.directory }),
    );
    assert.deepEqual(await names(slot('LABEL      ', { attributes: attribute.label }), ...dots), []);
  });
});

describe('long names', () => {
  it('are UTF-16, with surrogate pairs; half of one is left out', async () => {
    const shown = await names(named('🙂 smile 🙃', 'SMILE~1    '), named('a\ud83db\ude42c', 'HALF       '));
    assert.deepEqual(shown, ['🙂 smile 🙃', 'abc']);
  });
  it('fill their entries, or end with a zero', async () => {
    for (const length of [12, 13, 14, 26, 255]) {
      assert.deepEqual(await names(named('n'.repeat(length), 'N~1        ')), ['n'.repeat(length)]);
    }
  });
  it('that belong to no file are passed over', async () => {
    const file = slot('FOO     TXT');
    const long = longSlots('a long name of three parts, or so', file);
    const [first, second, third] = long as [Buffer, Buffer, Buffer];
    const of = async (...slots: readonly Buffer[]): Promise<string> => (await names(...slots)).join();
    assert.equal(await of(first, second, third, file), 'a long name of three parts, or so');
    assert.equal(await of(first, third, file), 'FOO.TXT', 'a part is missing');
    assert.equal(await of(second, third, file), 'FOO.TXT', 'the start is missing');
    assert.equal(await of(first, second, file), 'FOO.TXT', 'the end is missing');
    assert.equal(await of(third, second, first, file), 'FOO.TXT', 'the order is wrong');
    assert.equal(
      await of(first, second, third, slot('BAR     TXT')),
      'BAR.TXT',
      'the checksum is of another',
    );
    assert.equal(
      await of(first, second, third, slot(Buffer.from('\xe5OO     TXT', 'latin1')), file),
      'FOO.TXT',
    );
    assert.equal(await of(first, first, second, third, file), 'a long name of three parts, or so');
    const label = slot('FOO     TXT', { attributes: attribute.label });
    assert.equal(await of(first, second, third, label, file), 'FOO.TXT', 'it is of the label');
    const other = Buffer.from(second);
    other[13] = other[13]! ^ 1;
    assert.equal(await of(first, other, third, file), 'FOO.TXT', 'one part has another checksum');
  });
  it('that cannot be are refused', async () => {
    for (const name of ['a/b', '.', '..', '\ud83d', '\0']) {
      await failsWith(names(named(name, 'FOO     TXT')), 'InvalidArgs', /has an impossible name/);
    }
  });
});

describe('looking up', () => {
  it('takes either name, in any case, with dots at its end, as the kernel does', async () => {
    const fat = new FatBuilder({ bits: 12, clusters: 20 });
    fat.directory(fat.rootAt, named('OS release Ä', 'OSRELE~1   '));
    const root = await (await open(fat.bytes)).root();
    for (const name of ['OS release Ä', 'os RELEASE Ä', 'osrele~1', 'OSRELE~1', 'os release Ä..']) {
      assert.ok(await root.lookup(Buffer.from(name)), name);
    }
    // only letters of ASCII are equal in either case
    for (const name of ['os release ä', 'osrele', '', '.', '..', '...', 'OS release Ä/']) {
      assert.equal(await root.lookup(Buffer.from(name)), undefined, name);
    }
  });
});

describe('what vfat does not have', () => {
  it('is as the kernel shows it: owner, mode, links, times', async () => {
    const fat = new FatBuilder({ bits: 12, clusters: 20 }).chain(2);
    fat.directory(
      fat.rootAt,
      slot('DIR        ', { attributes: attribute.directory | attribute.readOnly, cluster: 2 }),
      slot('FILE       ', { attributes: attribute.readOnly, date: 0x5b75, time: 0xbf7d }),
      slot('NODATE     ', { date: 0 }),
      slot('HIDDEN     ', { attributes: attribute.hidden | attribute.system | attribute.archive }),
    );
    const tree = await open(fat.bytes);
    const { stat } = await find(tree, 'FILE');
    const mtime = BigInt(Date.UTC(2025, 10, 21, 23, 59, 58) / 1000);
    const { inode } = stat;
    assert.deepEqual(stat, { kind: 'file', mode: 0o555, uid: 0, gid: 0, size: 0n, inode, links: 1, mtime });
    assert.equal((await find(tree, 'DIR')).stat.mode, 0o755);
    assert.equal((await find(tree, 'DIR')).stat.links, 2);
    assert.equal((await find(tree)).stat.links, 3);
    assert.equal((await find(tree, 'HIDDEN')).stat.mode, 0o755);
    assert.equal((await find(tree, 'NODATE')).stat.mtime, BigInt(Date.UTC(1980, 0, 1) / 1000));
    assert.equal((await (await find(tree, 'FILE')).xattrs()).size, 0);
    await failsWith((await find(tree, 'FILE')).readlink(), 'InvalidArgs', /is a file, not a symlink/);
    await failsWith((await find(tree)).read(0n, 1), 'InvalidArgs', /is a directory, not a file/);
  });
});

for (const options of [
  { bits: 12, clusters: 40 },
  { bits: 16, clusters: 4100 },
  { bits: 32, clusters: 40 },
] satisfies readonly FatOptions[]) {
  describe(`chains of FAT${options.bits}`, () => {
    const content = Buffer.from(Array.from({ length: 1600 }, (_, i) => i & 0xff));
    /** A file of 1,600 bytes, and another, whose chains the caller links. */
    const make = (link: (fat: FatBuilder) => void, size = content.length): Promise<FileTree> => {
      const fat = new FatBuilder(options);
      fat.directory(
        fat.rootAt,
        slot('FILE       ', { cluster: 5, size }),
        slot('OTHER      ', { cluster: 9, size: 512 }),
      );
      link(fat);
      return open(fat.bytes);
    };
    const read = async (tree: FileTree): Promise<Buffer> => (await find(tree, 'FILE')).read(0n, 10_000);

    it('lead anywhere', async () => {
      const tree = await make((fat) => {
        fat.chain(5, 6, 20, 4);
        for (const [i, cluster] of [5, 6, 20, 4].entries()) {
          fat.fill(cluster, content.subarray(i * 512, i * 512 + 512));
        }
      });
      assert.ok((await read(tree)).equals(content));
      const file = await find(tree, 'FILE');
      assert.ok((await file.read(500n, 600)).equals(content.subarray(500, 1100)));
      assert.ok((await file.read(1599n, 600)).equals(content.subarray(1599)));
      assert.equal((await file.read(1600n, 600)).length, 0);
    });
    const wrong: Readonly<Record<string, readonly [(fat: FatBuilder) => void, RegExp]>> = {
      'to a free cluster': [
        (fat) => fat.link(5, 6),
        /at offset \d+ leads from cluster 6 to 0, which is free/,
      ],
      'to a bad cluster': [(fat) => fat.link(5, bad), /leads from cluster 5 to \d+, which is marked as bad/],
      'to none at all': [
        (fat) => fat.link(5, options.bits === 12 ? 4000 : 4200),
        /leads from cluster 5 to \d+, which is not there/,
      ],
      'to an end that is too near': [(fat) => fat.chain(5, 6), /is shorter than its 1600 bytes/],
      'to themselves': [(fat) => fat.link(5, 5), /goes round in a circle at cluster 5/],
      'back to their middle': [(fat) => fat.chain(5, 7, 8).link(8, 7), /goes round in a circle at cluster 7/],
    };
    for (const [where, [link, message]] of Object.entries(wrong)) {
      it(`are refused when they lead ${where}`, async () => {
        await failsWith(read(await make(link)), 'InvalidArgs', message);
      });
    }
    it('are refused when they run into those of others', async () => {
      const tree = await make((fat) => fat.chain(9, 10).chain(5, 6, 10));
      assert.equal((await (await find(tree, 'OTHER')).read(0n, 512)).length, 512);
      await failsWith(
        read(tree),
        'InvalidArgs',
        /runs into that of the file with the directory entry at offset \d+ at cluster 10/,
      );
    });
    it('are refused when they start nowhere', async () => {
      const fat = new FatBuilder(options);
      fat.directory(
        fat.rootAt,
        slot('FILE       ', { cluster: 1, size: 1 }),
        slot('OTHER      ', { size: 1 }),
      );
      const tree = await open(fat.bytes);
      await failsWith(read(tree), 'InvalidArgs', /starts at cluster 1, which is not there/);
      await failsWith((await find(tree, 'OTHER')).read(0n, 1), 'InvalidArgs', /starts at cluster 0/);
    });
    it('may not make a directory its own descendant', async () => {
      const fat = new FatBuilder(options).chain(5);
      fat.directory(fat.rootAt, slot('DIR        ', { attributes: attribute.directory, cluster: 5 }));
      fat.directory(fat.at(5), slot('AGAIN      ', { attributes: attribute.directory, cluster: 5 }));
      await failsWith(find(await open(fat.bytes), 'DIR', 'AGAIN'), 'InvalidArgs', /runs into that of/);
    });
  });
}

describe('a directory', () => {
  it('of more than 65,536 entries is refused', async () => {
    const fat = new FatBuilder({ bits: 32, clusters: 4200 });
    const clusters = Array.from({ length: 4100 }, (_, i) => i + 3);
    fat.chain(...clusters);
    fat.directory(fat.rootAt, slot('DIR        ', { attributes: attribute.directory, cluster: 3 }));
    for (const cluster of clusters) fat.fill(cluster, Buffer.alloc(512, 0xe5));
    await failsWith(
      find(await open(fat.bytes), 'DIR'),
      'InvalidArgs',
      /a directory of more than 2097152 bytes/,
    );
  });
});

describe('a boot sector', () => {
  const { bytes: fat12 } = new FatBuilder({ bits: 12, clusters: 40 });
  const { bytes: fat32 } = new FatBuilder({ bits: 32, clusters: 40 });
  const patches: readonly (readonly [
    what: string,
    base: Buffer,
    at: number,
    value: number,
    message: RegExp,
  ])[] = [
    ['sector size', fat12, 11, 513, /sectors of 513 bytes/],
    ['cluster size', fat12, 13, 3, /clusters of 3 sectors/],
    ['reserved sectors', fat12, 14, 0, /no reserved sectors/],
    ['tables', fat12, 16, 0, /no allocation table/],
    ['root directory', fat12, 17, 63, /a root directory of 63 entries/],
    ['media', fat12, 21, 0x77, /unknown media type 0x77/],
    ['table size', fat12, 22, 1000, /of which the first 1006 are for tables, and no cluster/],
    ['size', fat12, 32, 0xffff, /65535 sectors of 512 bytes, and only \d+ bytes are there/],
    ['no table at all', fat32, 36, 0, /an allocation table of 0 sectors/],
    ['version', fat32, 42, 0x0102, /uses the unknown version 1\.2 of FAT32/],
    ['active table', fat32, 40, 0x83, /uses allocation table 3 instead of the first/],
  ];
  for (const [what, base, at, value, message] of patches) {
    it(`with an impossible ${what} is refused`, async () => {
      const bytes = Buffer.from(base);
      if (at === 13 || at === 16 || at === 21) bytes.writeUInt8(value, at);
      else bytes.writeUInt16LE(value, at);
      const code = message.source.includes('uses') ? 'NotSupported' : 'InvalidArgs';
      await failsWith(open(bytes), code, message);
    });
  }
  it('with more clusters than numbers for them is refused', async () => {
    const bytes = Buffer.alloc(70_000 * 512);
    new FatBuilder({ bits: 16, clusters: 4100 }).bytes.copy(bytes);
    bytes.writeUInt16LE(300, 22);
    bytes.writeUInt32LE(70_000, 32);
    await failsWith(open(bytes), 'InvalidArgs', /6\d{4} clusters, and FAT16 has 65524 at most/);
  });
  it('whose root is nowhere is found out when it is opened', async () => {
    const bytes = Buffer.from(fat32);
    bytes.writeUInt32LE(77, 44);
    await failsWith((await open(bytes)).root(), 'InvalidArgs', /the root directory starts at cluster 77/);
  });
  it('is cut off', async () => {
    await failsWith(open(fat12.subarray(0, 400)), 'InvalidArgs', /truncated/);
  });
});

describe('limits', () => {
  it('on entries and blocks are kept', async () => {
    const fat = new FatBuilder({ bits: 12, clusters: 20 });
    fat.directory(fat.rootAt, slot('ONE        '), slot('TWO        '));
    const two = { ...defaultLimits, directoryEntries: 1 };
    await failsWith(
      (await open(fat.bytes, two)).root().then(listed),
      'LimitsExceeded',
      /more than 1 directory entries/,
    );
    const none = { ...defaultLimits, metadataBlocks: 0 };
    await failsWith((await open(fat.bytes, none)).root(), 'LimitsExceeded', /more than 0 metadata blocks/);
  });
});
