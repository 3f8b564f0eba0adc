/**
 * Compressions, feature flags, versions and types that nobody knows: one byte or field of a real image is changed, and
 * the error names the field and what is in it. Compatible feature flags, which say that readers may pass them over, are
 * at the end.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Budget } from '../../../src/disk/budget.ts';
import { decompress } from '../../../src/disk/codec/index.ts';
import type { CodecName } from '../../../src/disk/codec/index.ts';
import { openSource } from '../../../src/disk/open.ts';
import { memorySource } from '../../../src/disk/source.ts';
import { EncodingError, children, readElement } from '../../../src/disk/verity/der.ts';
import { readPkcs7 } from '../../../src/disk/verity/pkcs7.ts';
import { readVeritySuperblock } from '../../../src/disk/verity/superblock.ts';
import { repairChecksums, superblockAt, treeBlocks } from '../../support/btrfs-edit.ts';
import { btrfsFixture } from '../../support/btrfs-fixtures.ts';
import { makeF2fs, nodeOffset } from '../../support/f2fs-image.ts';
import { FatBuilder } from '../../support/fat-builder.ts';
import { failsWith } from '../../support/fails-with.ts';
import { treeFacts } from '../../support/kernel-compare.ts';
import { repairHeader, types, writeGpt } from '../../support/partition-tables.ts';
import { runSync, tryRunSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { makeHashTree, makeSigner, signRootHash } from '../../support/verity.ts';
import { repairAll } from '../../support/xfs-packed.ts';
import { xfsFixture } from '../../support/xfs-sample.ts';

const scratch = scratchDirectory('unknown', '/dev/shm');
const at = (name: string): string => join(scratch, name);

/** A change of an image, and the error that comes of it when all of the tree is read. */
interface Patch {
  readonly what: string;
  readonly change: (bytes: Buffer) => void;
  readonly message: RegExp;
  readonly code?: string;
}

const set8 = (offset: number, value: number) => (bytes: Buffer) => void bytes.writeUInt8(value, offset);
const set16 = (offset: number, value: number) => (bytes: Buffer) => void bytes.writeUInt16LE(value, offset);
const set32 = (offset: number, value: number) => (bytes: Buffer) => void bytes.writeUInt32LE(value, offset);

/** All that can be read of the image in `bytes`. */
async function readAll(bytes: Buffer): Promise<ReadonlyMap<string, unknown>> {
  const source = memorySource(bytes, 'foo.raw');
  const image = await openSource(source, new Budget('foo.raw'), { architecture: 'x86-64' });
  try {
    return await treeFacts(image.tree);
  } finally {
    await image.close();
  }
}

function refuses(image: () => Buffer, patches: readonly Patch[]): void {
  for (const { what, change, message, code = 'NotSupported' } of patches) {
    it(what, async () => {
      const bytes = Buffer.from(image());
      change(bytes);
      assert.notDeepEqual(bytes, image(), 'nothing was changed');
      await failsWith(readAll(bytes), code, message);
    });
  }
}

let squashfs: Buffer;
let squashfsLz4: Buffer;
let erofs: Buffer;
let ext4: Buffer;
let f2fs: Buffer;
const xfs = xfsFixture('blocks-1024');
let tree: string;

before(() => {
  tree = at('tree');
  mkdirSync(join(tree, 'usr/lib'), { recursive: true });
  mkdirSync(join(tree, 'many'));
  writeFileSync(join(tree, 'usr/lib/os-release'), 'ID=test\n');
  writeFileSync(join(tree, 'text'), 'all work and no play '.repeat(5000));
  symlinkSync('text', join(tree, 'link'));
  for (let i = 0; i < 100; i++) writeFileSync(join(tree, `many/${i}-${'n'.repeat(60)}`), '');
  runSync('setfattr', ['-n', 'user.noted', '-v', 'value', join(tree, 'text')]);
  const quiet = ['-noappend', '-quiet', '-no-progress', '-all-root'];
  runSync('mksquashfs', [tree, at('squashfs'), ...quiet, '-noI', '-noD', '-noF', '-noX']);
  squashfs = readFileSync(at('squashfs'));
  runSync('mksquashfs', [tree, at('lz4'), ...quiet, '-comp', 'lz4']);
  squashfsLz4 = readFileSync(at('lz4'));
  runSync('mkfs.erofs', ['--quiet', '-zlz4hc', '-Eforce-inode-compact', '-x-1', at('erofs'), tree]);
  erofs = readFileSync(at('erofs'));
  set32(1024 + 8, erofs.readUInt32LE(1024 + 8) & ~1)(erofs); // no checksum over what is changed
  // blocks are found without extents, and nothing has a checksum
  makeF2fs(at('f2fs'), { mebibytes: 64, from: tree });
  f2fs = readFileSync(at('f2fs'));
  const features = ['-O', '^metadata_csum,^extent,^64bit,^flex_bg', '-b', '1024', '-I', '256'];
  runSync('mke2fs', ['-q', '-t', 'ext4', ...features, '-d', tree, at('ext4'), '4M']);
  tryRunSync('e2fsck', ['-fyD', at('ext4')]); // builds the hash index of the directory; says 1 for that
  ext4 = readFileSync(at('ext4'));
});

it('the images are good as they are', async () => {
  for (const image of [squashfs, squashfsLz4, erofs]) assert.equal((await readAll(image)).size, 107);
  assert.equal((await readAll(ext4)).size, 108); // lost+found
});

describe('squashfs', () => {
  /** Of the name of an entry or attribute. */
  const nameAt = (bytes: Buffer, name: string): number => bytes.indexOf(name);
  refuses(
    () => squashfs,
    [
      { what: 'major version', change: set16(28, 5), message: /uses version 5\.0 of the format/ },
      { what: 'minor version', change: set16(30, 3), message: /uses version 4\.3 of the format/ },
      { what: 'compressor', change: set16(20, 7), message: /uses the unknown compressor 7 / },
      {
        what: 'flags',
        change: (b) => set16(24, b.readUInt16LE(24) | 0x5000)(b),
        message: /unknown flags 0x5000 /,
      },
      {
        what: 'inode type',
        change: (b) => set16(Number(b.readBigUInt64LE(64)) + 2, 99)(b),
        message: /the inode at \d+\+0 is of the unknown type 99/,
        code: 'InvalidArgs',
      },
      {
        what: 'type of a directory entry',
        change: (b) => set16(nameAt(b, 'os-release') - 4, 77)(b),
        message: /an entry of the unknown type 77/,
        code: 'InvalidArgs',
      },
      {
        what: 'xattr name space',
        change: (b) => set16(nameAt(b, 'noted') - 4, 9)(b),
        message: /uses the unknown xattr name space 9/,
      },
    ],
  );
  refuses(
    () => squashfsLz4,
    [{ what: 'lz4 version', change: set32(98, 8), message: /uses version 8 of lz4/ }],
  );
});

describe('erofs', () => {
  const superblock = (offset: number): number => 1024 + offset;
  /** Of the inode of the only compressed file: layout 3 (compact) or 1, and its size. */
  const inodeAt = (bytes: Buffer): number => {
    for (let offset = bytes.readUInt32LE(superblock(0x28)) * 4096; offset < bytes.length; offset += 32) {
      const layout = (bytes.readUInt16LE(offset) >> 1) & 7;
      if ((layout === 1 || layout === 3) && bytes.readUInt32LE(offset + 8) === 105_000) return offset;
    }
    return assert.fail('no compressed inode');
  };
  refuses(
    () => erofs,
    [
      {
        what: 'feature_incompat',
        change: (b) => set32(superblock(0x50), b.readUInt32LE(superblock(0x50)) | 0x4000_0000)(b),
        message: /uses the unknown feature bit 30 \(feature_incompat 0x4000/,
      },
      { what: 'block size', change: set8(superblock(0x0c), 20), message: /uses blocks of 2\^20 bytes/ },
      {
        what: 'directory blocks',
        change: set8(superblock(0x5a), 3),
        message: /directory blocks of 2\^3 blocks/,
      },
      {
        what: 'available_compr_algs',
        change: (b) => {
          set32(superblock(0x50), b.readUInt32LE(superblock(0x50)) | 2)(b);
          set16(superblock(0x54), 0x100)(b);
        },
        message: /unknown compression algorithm 8/,
      },
      {
        what: 'i_format',
        change: (b) => set16(inodeAt(b), b.readUInt16LE(inodeAt(b)) | 0x40)(b),
        message: /uses the unknown format 0x4\w \(i_format\) in inode \d+/,
      },
      {
        what: 'data layout',
        change: (b) => set16(inodeAt(b), 7 << 1)(b),
        message: /uses the unknown data layout 7 in inode \d+/,
      },
      {
        what: 'file type',
        change: (b) => set16(inodeAt(b) + 4, 0o3644)(b),
        message: /inode \d+ has the unknown file type 0o3644/,
        code: 'InvalidArgs',
      },
      {
        what: 'h_advise',
        change: (b) => set16(inodeAt(b) + 32 + 4, b.readUInt16LE(inodeAt(b) + 32 + 4) | 0x4000)(b),
        message: /unknown compression flags 0x40\w\w \(h_advise\) in inode \d+/,
      },
      {
        what: 'algorithm of an inode',
        change: (b) => set8(inodeAt(b) + 32 + 6, 0x55)(b),
        message: /uses compression algorithm 5, which its superblock does not name/,
      },
    ],
  );
});

describe('ext4', () => {
  const field = (offset: number): number => 1024 + offset;
  const inodeOf = (path: string): { readonly number: number; readonly at: number } => {
    const said = runSync('debugfs', ['-R', `imap ${path}`, at('ext4')]);
    const [, number, block, offset] =
      /Inode (\d+) .*\n.*located at block (\d+), offset 0x([0-9a-f]+)/.exec(said) ?? [];
    return { number: Number(number), at: Number(block) * 1024 + parseInt(offset ?? '', 16) };
  };
  /** Of the first block of /many, which its hash index starts in. */
  const indexAt = (bytes: Buffer): number => bytes.readUInt32LE(inodeOf('/many').at + 0x28) * 1024;
  refuses(
    () => ext4,
    [
      { what: 'revision', change: set32(field(0x4c), 3), message: /uses revision 3 of the superblock/ },
      {
        what: 'feature_incompat',
        change: (b) => set32(field(0x60), b.readUInt32LE(field(0x60)) | 0x200_0000)(b),
        message: /uses the ext4 feature incompat bit 0x2000000/,
      },
      {
        what: 'feature_incompat that has a name',
        change: (b) => set32(field(0x60), b.readUInt32LE(field(0x60)) | 1)(b),
        message: /uses the ext4 feature compression/,
      },
      {
        what: 'checksum type',
        change: (b) => {
          set32(field(0x64), b.readUInt32LE(field(0x64)) | 0x400)(b);
          set8(field(0x175), 4)(b);
        },
        message: /uses metadata checksum type 4/,
      },
      {
        what: 'inode flags',
        change: (b) => set32(inodeOf('/text').at + 0x20, 0x8000_0000)(b),
        message: /inode \d+ .*has the flags 0x80000000, not all of which are known/,
      },
      {
        what: 'file type',
        change: (b) => set16(inodeOf('/text').at, 0x7000)(b),
        message: /unused or of an unknown kind \(mode 0o70000\)/,
        code: 'InvalidArgs',
      },
      {
        what: 'hash version',
        change: (b) => set8(indexAt(b) + 0x1c, 9)(b),
        message: /uses the hash function version 9/,
      },
      {
        what: 'hash index flags',
        change: (b) => set8(indexAt(b) + 0x1f, 0x5)(b),
        message: /has the flags 0x5, which are not known/,
      },
      {
        what: 'reserved field of a hash index',
        change: (b) => set32(indexAt(b) + 0x18, 0x99)(b),
        message: /has 0x99 in its reserved field, which is not known/,
      },
    ],
  );
});

describe('f2fs', () => {
  /** Of both superblocks. */
  const both = (offset: number, value: number) => (bytes: Buffer) => {
    for (const at of [1024, 4096 + 1024]) set32(at + offset, value)(bytes);
  };
  refuses(
    () => f2fs,
    [
      { what: 'version', change: both(4, 3), message: /uses the unknown version 3 / },
      { what: 'feature', change: both(2180, 0x100_0000), message: /uses the feature bit 0x1000000/ },
      {
        what: 'feature that has a name',
        change: both(2180, 0x8000),
        message: /uses the feature device_alias/,
      },
      {
        what: 'file type',
        change: (b) => set16(nodeOffset(b, 3), 0x7000)(b),
        message: /inode 3 has the unknown kind of mode 0o70000/,
        code: 'InvalidArgs',
      },
    ],
  );
});

describe('vfat', () => {
  refuses(
    () => new FatBuilder({ bits: 32, clusters: 40 }).bytes,
    [
      { what: 'version', change: set16(42, 0x0301), message: /uses the unknown version 3\.1 of FAT32/ },
      { what: 'flags', change: set16(40, 0x82), message: /uses allocation table 2 instead of the first/ },
    ],
  );
});

describe('btrfs', () => {
  const superblock = (offset: number): number => superblockAt + offset;
  const setBit = (offset: number, bit: bigint) => (bytes: Buffer) =>
    void bytes.writeBigUInt64LE(bytes.readBigUInt64LE(offset) | (1n << bit), offset);
  /** The data of the first item of that type for which it `matches`. */
  const itemAt = (bytes: Buffer, type: number, matches: (at: number) => boolean = () => true): number => {
    const places = treeBlocks(bytes).flatMap((block) => (block.level === 0 ? block.places : []));
    return (
      places.find((place) => place.type === type && matches(place.dataAt))?.dataAt ?? assert.fail('none')
    );
  };
  const extentAt = (bytes: Buffer): number => itemAt(bytes, 108);
  const patches: readonly Patch[] = [
    {
      what: 'incompat_flags',
      change: setBit(superblock(0xbc), 40n),
      message: /uses the unknown feature bit 40 \(incompat_flags 0x1000000/,
    },
    {
      what: 'incompat_flags that have a name',
      change: setBit(superblock(0xbc), 13n),
      message: /uses the feature extent_tree_v2/,
    },
    {
      what: 'flags of the superblock',
      change: setBit(superblock(0x38), 60n),
      message: /uses the unknown superblock flag bit 60 /,
    },
    {
      what: 'flags of the superblock that have a name',
      change: setBit(superblock(0x38), 33n),
      message: /uses the superblock flag metadump/,
    },
    {
      what: 'checksum type',
      change: set16(superblock(0xc4), 9),
      message: /uses the unknown checksum type 9/,
    },
    { what: 'number of devices', change: set8(superblock(0x88), 2), message: /uses 2 devices/ },
    { what: 'size of sectors', change: set32(superblock(0x90), 512), message: /uses sectors of 512 bytes/ },
    {
      what: 'size of tree blocks',
      change: set32(superblock(0x94), 1 << 20),
      message: /uses tree blocks of 1048576 bytes/,
    },
    {
      what: 'profile',
      change: setBit(superblock(0x32b + 17 + 24), 4n),
      message: /uses the profile raid1; single and dup can be read/,
    },
    {
      what: 'profile without a name',
      change: setBit(superblock(0x32b + 17 + 24), 30n),
      message: /uses the profile of the unknown bit 30/,
    },
    {
      what: 'file type',
      change: (b) => set32(itemAt(b, 1, (at) => b.readUInt32LE(at + 52) >>> 12 === 8) + 52, 0o50644)(b),
      message: /inode \d+ of subvolume 5 has the unknown file type 0o50644/,
      code: 'InvalidArgs',
    },
    {
      what: 'type of an entry',
      change: (b) => set8(itemAt(b, 96) + 29, 99)(b),
      message: /the entry '.*' in directory \d+ of subvolume 5 is of the unknown type 99/,
      code: 'InvalidArgs',
    },
    {
      what: 'type of an extent',
      change: (b) => set8(extentAt(b) + 20, 9)(b),
      message: /uses the unknown extent type 9 in the extent at 0 of inode \d+/,
    },
    {
      what: 'compression',
      change: (b) => set8(extentAt(b) + 16, 7)(b),
      message: /the unknown compression 7 in/,
    },
    {
      what: 'encryption',
      change: (b) => set8(extentAt(b) + 17, 1)(b),
      message: /the unknown encryption 1 in/,
    },
    { what: 'encoding', change: (b) => set16(extentAt(b) + 18, 3)(b), message: /the unknown encoding 3 in/ },
  ];
  refuses(
    () => btrfsFixture('compressed'),
    patches.map((patch) => ({
      ...patch,
      change: (bytes) => {
        patch.change(bytes);
        repairChecksums(bytes);
      },
    })),
  );

  it('compatible flags are passed over', async () => {
    const bytes = btrfsFixture('compressed');
    for (const offset of [0xac, 0xb4]) setBit(superblock(offset), 50n)(bytes);
    repairChecksums(bytes);
    assert.deepEqual(await readAll(bytes), await readAll(btrfsFixture('compressed')));
  });
});

describe('xfs', () => {
  const big32 = (offset: number, value: number) => (bytes: Buffer) => void bytes.writeUInt32BE(value, offset);
  /** A change of the superblock, whose checksum is made right again. */
  const superblock = (change: (bytes: Buffer) => void) => (bytes: Buffer) => {
    change(bytes);
    repairAll(bytes.subarray(0, 512));
  };
  /** Of the inode of the only file with this size, or of something in it. */
  const inode = (size: bigint, change: (inode: Buffer) => void) => (bytes: Buffer) => {
    const isIt = (at: number): boolean =>
      bytes.toString('latin1', at, at + 2) === 'IN' && bytes.readBigUInt64BE(at + 56) === size;
    let at = 0;
    while (!isIt(at)) at += 512;
    change(bytes.subarray(at, at + 512));
    repairAll(bytes.subarray(at, at + 512));
  };
  const link = 60n;
  refuses(
    () => xfs,
    [
      {
        what: 'version',
        change: superblock((b) => b.writeUInt16BE(0xb4a6, 100)),
        message: /uses version 6 of the format; only 5/,
      },
      {
        what: 'features_incompat',
        change: superblock((b) => big32(216, b.readUInt32BE(216) | 0x2000_0000)(b)),
        message: /uses the unknown feature bits 0x20000000 \(features_incompat\)/,
      },
      {
        what: 'version of an inode',
        change: inode(link, set8(4, 4)),
        message: /inode \d+ .* is of version 4, expected 3/,
        code: 'InvalidArgs',
      },
      {
        what: 'file type',
        change: inode(link, (b) => b.writeUInt16BE(0x7000, 2)),
        message: /unused or of an unknown kind \(mode 0o70000\)/,
        code: 'InvalidArgs',
      },
      {
        what: 'format of what an inode holds',
        change: inode(link, set8(5, 12)),
        message: /is a symlink with data of format 12/,
        code: 'InvalidArgs',
      },
    ],
  );
});

describe('partition tables', () => {
  const medium = writeGpt([{ type: types.root, first: 40, last: 60 }]);
  const inBoth = (offset: number, value: number) => (bytes: Buffer) => {
    for (const header of [medium.primary, medium.backup]) {
      set32(header + offset, value)(bytes);
      repairHeader(bytes, header);
    }
  };
  refuses(
    () => medium.bytes,
    [
      {
        what: 'GPT revision',
        change: inBoth(8, 0x2_0000),
        message: /GPT header at offset 512 has the unknown revision 0x20000; the backup GPT header/,
        code: 'InvalidArgs',
      },
      {
        what: 'size of GPT entries',
        change: inBoth(84, 100),
        message: /has entries of 100 bytes/,
        code: 'InvalidArgs',
      },
      {
        what: 'type of an MBR partition',
        change: (b) => {
          b.fill(0, 512);
          b.set([0x80, 0, 0, 0, 0x42, 0, 0, 0, 40, 0, 0, 0, 20, 0, 0, 0], 446);
        },
        message: /no partition of type 0x83 \(Linux\), only of 0x42/,
        code: 'InvalidArgs',
      },
    ],
  );
});

describe('verity superblock', () => {
  let bytes: Buffer;
  before(() => {
    makeHashTree(at('squashfs'), at('verity'));
    bytes = readFileSync(at('verity'));
  });
  const cases: readonly (readonly [
    what: string,
    change: (b: Buffer) => void,
    code: string,
    message: RegExp,
  ])[] = [
    ['version', set32(8, 2), 'NotSupported', /uses version 2 of the superblock/],
    ['hash type', set32(12, 5), 'NotSupported', /uses the hash type 5/],
    ['algorithm', (b) => void b.write('md9\0', 32), 'NotSupported', /uses the hash algorithm "md9"/],
    ['data block size', set32(64, 3000), 'InvalidArgs', /data blocks have 3000 bytes/],
    ['hash block size', set32(68, 1 << 20), 'InvalidArgs', /hash blocks have 1048576 bytes/],
    ['salt size', set16(80, 257), 'InvalidArgs', /the salt has 257 bytes/],
  ];
  for (const [what, change, code, message] of cases) {
    it(what, async () => {
      const copy = Buffer.from(bytes);
      change(copy);
      await failsWith(readVeritySuperblock(memorySource(copy, 'foo.verity')), code, message);
    });
  }
});

describe('PKCS#7 signature', () => {
  let bytes: Buffer;
  before(() => {
    bytes = signRootHash('00'.repeat(32), makeSigner(scratch, 'signer'));
  });
  /** Where an element begins to have content, by the way to it from the outer sequence. */
  const place = (...way: readonly number[]): number => {
    let element = readElement(bytes);
    for (const index of way) element = children(element).at(index) ?? assert.fail(`nothing at ${way.join()}`);
    return element.content.byteOffset - bytes.byteOffset;
  };
  const signer = [1, 0, -1, 0] as const;
  /** The last byte of a value of `length` bytes. */
  const setLast = (start: number, length: number, value: number) => set8(start + length - 1, value);
  const cases: readonly (readonly [what: string, change: () => (b: Buffer) => void, message: RegExp])[] = [
    ['content type', () => setLast(place(0), 9, 99), /content is of type 1\.2\.840\.113549\.1\.7\.99/],
    ['version', () => set8(place(1, 0, 0), 77), /the version of the signed data is 0x4d, which is not known/],
    [
      'signed content',
      () => setLast(place(1, 0, 2, 0), 9, 5),
      /signed is of type 1\.2\.840\.113549\.1\.7\.5/,
    ],
    ['version of a signer', () => set8(place(...signer, 0), 9), /the version of a signer is 0x09/],
    [
      'digest algorithm',
      () => setLast(place(...signer, 2, 0), 9, 88),
      /digest algorithm 2\.16\.840\.1\.101\.3\.4\.2\.88 is not known/,
    ],
    [
      'signature algorithm',
      () => setLast(place(...signer, 3, 0), 9, 10),
      /signature algorithm 1\.2\.840\.113549\.1\.1\.10 is not known/,
    ],
  ];
  for (const [what, change, message] of cases) {
    it(what, () => {
      readPkcs7(bytes);
      const copy = Buffer.from(bytes);
      change()(copy);
      assert.throws(
        () => readPkcs7(copy),
        (error) => error instanceof EncodingError && message.test(error.message),
        String(message),
      );
    });
  }
});

describe('LUKS', () => {
  it('version', async () => {
    writeFileSync(at('luks'), '');
    truncateSync(at('luks'), 4 << 20);
    writeFileSync(at('key'), 'secret');
    const fast = ['--pbkdf-force-iterations', '1000'];
    runSync('cryptsetup', ['luksFormat', '-q', '--type', 'luks1', ...fast, at('luks'), at('key')]);
    const bytes = readFileSync(at('luks'));
    await failsWith(readAll(bytes), 'NotSupported', /is encrypted \(LUKS1\)/);
    bytes.writeUInt16BE(7, 6);
    await failsWith(readAll(bytes), 'NotSupported', /is encrypted \(LUKS7\)/);
  });
});

describe('compressed blocks', () => {
  const block = (program: string, ...options: string[]): Buffer => {
    const out = at('block');
    runSync('sh', [
      '-c',
      'out="$1"; shift; exec "$@" > "$out"',
      'sh',
      out,
      program,
      '-c',
      ...options,
      join(tree, 'text'),
    ]);
    return readFileSync(out);
  };
  const cases: readonly (readonly [what: string, CodecName, () => Buffer, message: RegExp])[] = [
    ['check of xz', 'xz', () => block('xz', '--check=crc64'), /xz stream flags 0x0004 .* not supported/],
    [
      'filter of xz',
      'xz',
      () => block('xz', '--check=crc32', '--delta', '--lzma2'),
      /xz filters 0x3, 0x21 are not/,
    ],
    [
      'dictionary of zstd',
      'zstd',
      () => {
        const bytes = block('zstd', '--no-check', '--single-thread');
        // the frame header gets an identifier of one byte behind the window
        const header = Buffer.from(bytes.subarray(0, 6));
        header[4] = (header[4] ?? 0) | 1;
        const isSingleSegment = ((bytes[4] ?? 0) & 0x20) !== 0;
        const rest = bytes.subarray(isSingleSegment ? 5 : 6);
        return Buffer.concat([header.subarray(0, isSingleSegment ? 5 : 6), Buffer.from([33]), rest]);
      },
      /it needs the dictionary 33|[Dd]ictionary/,
    ],
    [
      'magic of zstd',
      'zstd',
      () => Buffer.from('0011223344556677', 'hex'),
      /0x33221100 is not a zstd magic|Unknown/,
    ],
  ];
  for (const [what, codec, make, message] of cases) {
    it(what, async () => {
      const work = decompress(
        codec,
        make(),
        { maxOutput: 200_000, wanted: 105_000 },
        { file: 'foo.raw', offset: 7n },
      );
      await failsWith(work, 'InvalidArgs', message);
    });
  }
});

describe('feature flags that may be passed over are passed over', () => {
  const cases: readonly (readonly [what: string, image: () => Buffer, offset: number, bit: number])[] = [
    ['erofs feature_compat', () => erofs, 1024 + 0x08, 0x4000_0000],
    ['xfs features_compat', () => xfs, 208, 0x40],
    ['xfs features_ro_compat, as nothing is written', () => xfs, 212, 0x40],
    ['ext4 feature_compat', () => ext4, 1024 + 0x5c, 0x4000_0000],
    ['ext4 feature_ro_compat, as nothing is written', () => ext4, 1024 + 0x64, 0x4000_0000],
  ];
  for (const [what, image, offset, bit] of cases) {
    it(what, async () => {
      const bytes = Buffer.from(image());
      set32(offset, bytes.readUInt32LE(offset) | bit)(bytes);
      repairAll(bytes.subarray(0, 512));
      assert.deepEqual(await readAll(bytes), await readAll(image()));
    });
  }
});
