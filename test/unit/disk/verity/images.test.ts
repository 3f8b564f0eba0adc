import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Budget } from '../../../../src/disk/budget.ts';
import { formatPolicy } from '../../../../src/disk/image-policy.ts';
import { type OpenedImage, openImage } from '../../../../src/disk/open.ts';
import type { CertificateStore } from '../../../../src/disk/verity/certificates.ts';
import { readFile } from '../../../../src/disk/walk.ts';
import { repairChecksum } from '../../../support/btrfs-edit.ts';
import { makeBtrfs } from '../../../support/btrfs-image.ts';
import { writeAt } from '../../../support/disk-images.ts';
import { packBtrfs } from '../../../support/file-system-images.ts';
import { refused } from '../../../support/refused.ts';
import { runSync } from '../../../support/run.ts';
import { openDescriptors, scratchDirectory } from '../../../support/scratch.ts';
import {
  type Signer,
  type VerityDisk,
  hashUuids,
  makeHashTree,
  makeSigner,
  signRootHash,
  signatureJson,
  writeVerityDisk,
} from '../../../support/verity.ts';

// tmpfs has user attributes only in newer kernels
const scratch = scratchDirectory('verity-images');
const squashfs = join(scratch, 'root.img');
const usr = join(scratch, 'usr.img');
const noCertificates: CertificateStore = { root: scratch, directories: ['/none'] };
let trusting: CertificateStore;
let good: Signer;
let other: Signer;
let images = 0;

before(() => {
  const tree = join(scratch, 'tree');
  mkdirSync(join(tree, 'usr/lib'), { recursive: true });
  writeFileSync(join(tree, 'usr/lib/os-release'), 'ID=test\n');
  writeFileSync(join(tree, 'usr/lib/other'), Buffer.alloc(300_000, 'some text that repeats'));
  const quiet = ['-noappend', '-quiet', '-no-progress', '-all-root', '-noD', '-noF', '-noI'];
  runSync('mksquashfs', [tree, squashfs, ...quiet]);
  runSync('mksquashfs', [join(tree, 'usr'), usr, ...quiet]);
  good = makeSigner(scratch, 'good');
  other = makeSigner(scratch, 'other');
  mkdirSync(join(scratch, 'certificates'));
  copyFileSync(good.certificate, join(scratch, 'certificates/good.crt'));
  trusting = { root: scratch, directories: ['/certificates'] };
});

/** An image with its hash tree beside it; `file` names what is beside it. */
function naked(options?: Parameters<typeof makeHashTree>[2]): {
  readonly image: string;
  readonly rootHash: string;
  readonly file: (suffix: string) => string;
} {
  const base = join(scratch, `naked${images++}`);
  copyFileSync(squashfs, `${base}.raw`);
  const rootHash = makeHashTree(squashfs, `${base}.verity`, options);
  return { image: `${base}.raw`, rootHash, file: (suffix) => base + suffix };
}

/** As naked(), with its root hash. */
function complete(options?: Parameters<typeof makeHashTree>[2]): ReturnType<typeof naked> {
  const made = naked(options);
  writeFileSync(made.file('.roothash'), `${made.rootHash}\n`);
  return made;
}

async function withImage<T>(
  path: string,
  use: (image: OpenedImage) => T | Promise<T>,
  certificates = noCertificates,
): Promise<T> {
  const image = await openImage({ path, type: 'raw' }, new Budget(path), {
    architecture: 'x86-64',
    certificates,
  });
  try {
    return await use(image);
  } finally {
    await image.close();
  }
}

/** The os-release, the state of the first data part, and the policy for systemd 262. */
async function inspect(
  path: string,
  certificates = noCertificates,
): Promise<readonly [string, string, string]> {
  return withImage(
    path,
    async (image) => {
      const release = await readFile(image.tree, '/usr/lib/os-release', 100, new Budget(path));
      const { protection, verity } = image.parts[0]!;
      const signature = verity?.signature === undefined ? '' : ` ${verity.signature}`;
      return [release!.toString(), `${protection}${signature}`, formatPolicy(image.policy!, 262)!];
    },
    certificates,
  );
}

const escaped = (path: string): string => path.replaceAll('.', '\\.');

function setRootHash(file: string, name: string, value: string): void {
  runSync('setfattr', ['--name', name, '--value', value, file]);
}

describe('an image with a hash tree beside it', () => {
  it('is read, checked, when it is a btrfs', async () => {
    const image = join(scratch, 'btrfs.raw');
    packBtrfs(join(scratch, 'tree'), image);
    writeFileSync(join(scratch, 'btrfs.roothash'), makeHashTree(image, join(scratch, 'btrfs.verity')));
    assert.deepEqual(await inspect(image), ['ID=test\n', 'verity', 'root=verity+btrfs:=absent']);
    // its superblock, which has a checksum of its own, is right again: that is not enough
    const bytes = readFileSync(image).subarray(0x1_0000, 0x1_1000);
    bytes.writeUInt8(bytes.readUInt8(0x12b) ^ 1, 0x12b);
    repairChecksum(bytes, 0, bytes.length);
    writeAt(image, 0x1_0000, bytes);
    await assert.rejects(inspect(image), refused('InvalidArgs', /block 16 of the data, at offset 65536/));
  });

  it('is read, checked, when it is a btrfs with two copies of everything', async () => {
    const image = join(scratch, 'dup.raw');
    makeBtrfs(image, 120, ['-m', 'dup', '-d', 'dup', '--rootdir', join(scratch, 'tree')]);
    writeFileSync(join(scratch, 'dup.roothash'), makeHashTree(image, join(scratch, 'dup.verity')));
    assert.deepEqual(await inspect(image), ['ID=test\n', 'verity', 'root=verity+btrfs:=absent']);
    const at = readFileSync(image).indexOf('ID=test\n');
    writeAt(image, at, Buffer.from('ID=fest\n'));
    // the other copy is good, but somebody has been there
    const where = new RegExp(`block ${Math.floor(at / 4096)} of the data, at offset`);
    await assert.rejects(inspect(image), refused('InvalidArgs', where));
  });

  it('is read, checked', async () => {
    const descriptors = openDescriptors();
    const { image, rootHash } = complete();
    assert.deepEqual(await inspect(image), ['ID=test\n', 'verity', 'root=verity+squashfs:=absent']);
    await withImage(image, ({ parts, bytesRead }) => {
      const [{ verity }] = parts as [(typeof parts)[0]];
      assert.equal(verity?.rootHash, rootHash);
      assert.equal(verity.algorithm, 'sha256');
      assert.match(verity.rootHashFrom, /naked\d+\.roothash/);
      assert.ok(bytesRead > 4096);
    });
    assert.equal(openDescriptors(), descriptors);
  });

  it('is read with hashes of any length and blocks of any size', async () => {
    for (const options of [
      { hash: 'sha512' },
      { hash: 'sha1' },
      { dataBlockSize: 512, hashBlockSize: 512 },
      { format: 0 as const },
    ]) {
      assert.equal((await inspect(complete(options).image))[1], 'verity');
    }
  });

  it('is refused when a bit of data that is read, of the tree or of the hash is flipped', async () => {
    const descriptors = openDescriptors();
    const data = complete();
    const bytes = readFileSync(data.image);
    writeAt(data.image, 40, Buffer.from([bytes[40]! ^ 1]));
    const where = `'${escaped(data.image)}' .*block 0 of the data, at offset 0, does not match its hash in '.*\\.verity'`;
    await assert.rejects(inspect(data.image), refused('InvalidArgs', new RegExp(where)));
    const tree = complete();
    writeAt(
      tree.file('.verity'),
      4096 + 77,
      Buffer.from([readFileSync(tree.file('.verity'))[4096 + 77]! ^ 1]),
    );
    const block = `'${escaped(tree.file('.verity'))}' .*the hash block at offset 4096 \\(level 0, block 0\\) does not match the root hash`;
    await assert.rejects(inspect(tree.image), refused('InvalidArgs', new RegExp(block)));
    const hash = complete();
    writeFileSync(
      hash.file('.roothash'),
      hash.rootHash.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')),
    );
    await assert.rejects(inspect(hash.image), refused('InvalidArgs', /does not match the root hash/));
    assert.equal(openDescriptors(), descriptors);
  });

  it('is read as far as it is good, and the rest is refused', async () => {
    const made = complete();
    const at = readFileSync(made.image).indexOf('repeats', 200_000);
    writeAt(made.image, at, Buffer.from('R'));
    await withImage(made.image, async ({ tree }) => {
      const budget = new Budget(made.image);
      assert.equal((await readFile(tree, '/usr/lib/os-release', 100, budget))?.toString(), 'ID=test\n');
      await assert.rejects(
        readFile(tree, '/usr/lib/other', 1_000_000, budget),
        refused('InvalidArgs', new RegExp(`block ${Math.floor(at / 4096)} of the data, at offset`)),
      );
    });
  });

  it('is read as systemd does without a root hash: unprotected', async () => {
    assert.deepEqual(await inspect(naked().image), ['ID=test\n', 'unprotected', 'root=squashfs:=absent']);
  });

  it('is refused when there is a root hash without a tree, or one for a usr partition', async () => {
    const bare = complete();
    rmSync(bare.file('.verity'));
    const missing = `'${escaped(bare.image)}' .*there is a root hash, '.*roothash', but no hash tree beside it`;
    await assert.rejects(inspect(bare.image), refused('InvalidArgs', new RegExp(missing)));
    const misnamed = complete();
    renameSync(misnamed.file('.roothash'), misnamed.file('.usrhash'));
    await assert.rejects(
      inspect(misnamed.image),
      refused('InvalidArgs', /usrhash' is for a usr partition, and the image is one file system/),
    );
  });

  it('may have its root hash in an attribute, which goes before the file', async () => {
    const made = naked();
    setRootHash(made.image, 'user.verity.roothash', made.rootHash);
    assert.equal((await inspect(made.image))[1], 'verity');
    await withImage(made.image, ({ parts }) =>
      assert.match(parts[0]!.verity!.rootHashFrom, /attribute 'user\.verity\.roothash'/),
    );
    writeFileSync(made.file('.roothash'), '00'.repeat(32));
    assert.equal((await inspect(made.image))[1], 'verity');
    setRootHash(made.image, 'user.verity.roothash', '00'.repeat(32));
    await assert.rejects(inspect(made.image), refused('InvalidArgs', /does not match the root hash/));
    setRootHash(made.image, 'user.verity.roothash', 'nothing');
    await assert.rejects(
      inspect(made.image),
      refused('InvalidArgs', /attribute 'user\.verity\.roothash' is not a root hash of 16 to 64 bytes/),
    );
  });

  it('has a root hash that may be written in several ways', async () => {
    const made = complete();
    const { rootHash } = made;
    for (const text of [
      rootHash,
      rootHash.toUpperCase(),
      ` ${rootHash}\r\nmore`,
      rootHash.replace(/../g, '$& '),
    ]) {
      writeFileSync(made.file('.roothash'), text);
      assert.equal((await inspect(made.image))[1], 'verity');
    }
    for (const text of ['', '\n', 'no hash', rootHash.slice(1), rootHash.slice(0, 30), rootHash.repeat(3)]) {
      writeFileSync(made.file('.roothash'), text);
      const message = `'${escaped(made.file('.roothash'))}' .*it is not a root hash of 16 to 64 bytes in hexadecimal`;
      await assert.rejects(inspect(made.image), refused('InvalidArgs', new RegExp(message)), text);
    }
    writeFileSync(made.file('.roothash'), Buffer.alloc(5000));
    await assert.rejects(
      inspect(made.image),
      refused('InvalidArgs', /it has 5000 bytes, and 4096 are the most/),
    );
  });

  it('may have links to what belongs to it, but nothing that cannot be read like a file', async () => {
    const made = complete();
    renameSync(made.file('.verity'), join(scratch, 'shared.tree'));
    symlinkSync('shared.tree', made.file('.verity'));
    assert.equal((await inspect(made.image))[1], 'verity');
    for (const suffix of ['.verity', '.roothash']) {
      const broken = complete();
      rmSync(broken.file(suffix));
      runSync('mkfifo', [broken.file(suffix)]);
      await assert.rejects(inspect(broken.image), refused('InvalidArgs', /is a fifo, not a regular file/));
      rmSync(broken.file(suffix));
      mkdirSync(broken.file(suffix));
      await assert.rejects(
        inspect(broken.image),
        refused('InvalidArgs', /is a directory, not a regular file/),
      );
    }
  });

  it('may be signed', async () => {
    const made = complete();
    writeFileSync(made.file('.roothash.p7s'), signRootHash(made.rootHash, good));
    const policy = 'root=signed+squashfs:=absent';
    assert.deepEqual(await inspect(made.image, trusting), ['ID=test\n', 'signed valid', policy]);
    assert.deepEqual(await inspect(made.image), ['ID=test\n', 'signed unchecked', policy]);
    writeFileSync(made.file('.roothash.p7s'), signRootHash(made.rootHash, other));
    await assert.rejects(
      inspect(made.image, trusting),
      refused('AccessDenied', /by none of the 1 certificates/),
    );
    writeFileSync(made.file('.roothash.p7s'), '');
    await assert.rejects(inspect(made.image), refused('InvalidArgs', /roothash\.p7s' .*it is empty/));
    writeFileSync(made.file('.roothash.p7s'), Buffer.alloc(70_000));
    await assert.rejects(inspect(made.image), refused('InvalidArgs', /roothash\.p7s' .*it has 70000 bytes/));
  });

  it('need not be signed where certificates are installed', async () => {
    assert.equal((await inspect(complete().image, trusting))[1], 'verity');
  });

  it('is told from one that has neighbours of another name', async () => {
    const made = complete();
    const image = join(scratch, 'neighbour.raw');
    copyFileSync(made.image, image);
    for (const suffix of ['.roothash', '.verity'])
      copyFileSync(made.file(suffix), join(scratch, `neighbour.raw${suffix}`));
    assert.equal((await inspect(image))[1], 'unprotected');
  });
});

describe('a partition with a hash tree', () => {
  let tree: string;
  let rootHash: string;
  let disks = 0;
  const readOnly = ['GUID:60', 'GUID:60', 'GUID:60'] as const;

  before(() => {
    tree = join(scratch, 'root.tree');
    rootHash = makeHashTree(squashfs, tree);
  });

  function disk(options: Partial<VerityDisk> = {}): string {
    const file = join(scratch, `disk${disks++}.raw`);
    writeVerityDisk(file, { data: squashfs, tree, rootHash, attributes: readOnly, ...options });
    return file;
  }

  function signature(text: string | Buffer): string {
    const file = join(scratch, 'signature');
    writeFileSync(file, Buffer.concat([Buffer.from(text), Buffer.alloc(4096)]));
    return file;
  }

  const signedBy = (signer: Signer, hash = rootHash): string =>
    signature(signatureJson(hash, signRootHash(hash, signer), signer));

  // the policies are those that systemd-portabled 262 writes on a machine whose kernel has dm-verity
  const policy = 'root=verity+read-only-on+growfs-off+squashfs:root-verity=read-only-on+growfs-off:=absent';
  const signedPolicy =
    'root=signed+read-only-on+growfs-off+squashfs:root-verity=read-only-on+growfs-off:root-verity-sig=read-only-on+growfs-off:=absent';

  it('guards the data partition; its UUIDs are the root hash', async () => {
    const file = disk();
    assert.deepEqual(await inspect(file), ['ID=test\n', 'verity', policy]);
    await withImage(file, ({ parts }) => {
      assert.deepEqual(
        parts.map(({ designator, fileSystem, protection }) => [designator, fileSystem, protection]),
        [
          ['root', 'squashfs', 'verity'],
          ['root-verity', 'DM_verity_hash', 'unprotected'],
        ],
      );
      assert.equal(parts[0]!.verity!.rootHashFrom, 'the UUIDs of its partitions');
    });
  });

  it('guards a usr partition', async () => {
    const usrTree = join(scratch, 'usr.tree');
    const usrHash = makeHashTree(usr, usrTree);
    const file = disk({ usr: true, data: usr, tree: usrTree, rootHash: usrHash });
    const expected = 'usr=verity+read-only-on+growfs-off+squashfs:usr-verity=read-only-on+growfs-off:=absent';
    assert.deepEqual(await inspect(file), ['ID=test\n', 'verity', expected]);
    writeFileSync(file.replace(/raw$/, 'usrhash'), usrHash);
    assert.deepEqual(await inspect(file), ['ID=test\n', 'verity', expected]);
  });

  it('is refused when its UUIDs are not the root hash, or too short for it', async () => {
    await assert.rejects(
      inspect(disk({ otherUuids: true })),
      refused(
        'InvalidArgs',
        /\(partition 2, root-verity\)' .*the hash block at offset 4096 .*does not match the root hash/,
      ),
    );
    const long = join(scratch, 'long.tree');
    const hash = makeHashTree(squashfs, long, { hash: 'sha512' });
    const file = disk({ tree: long, rootHash: hash });
    await assert.rejects(
      inspect(file),
      refused('InvalidArgs', /sha512, which has 64 bytes, and the root hash has 32/),
    );
    writeFileSync(file.replace(/raw$/, 'roothash'), hash);
    assert.deepEqual(await inspect(file), ['ID=test\n', 'verity', policy]);
    assert.deepEqual(
      hashUuids(hash).map((uuid) => uuid.length),
      [36, 36],
    );
  });

  it('is chosen by a root hash from outside, and must be there', async () => {
    const file = disk();
    const hash = file.replace(/raw$/, 'roothash');
    writeFileSync(hash, rootHash);
    assert.deepEqual(await inspect(file), ['ID=test\n', 'verity', policy]);
    writeFileSync(hash, '12'.repeat(32));
    await assert.rejects(
      inspect(file),
      refused('InvalidArgs', /no pair of partitions matches the given root hash/),
    );
    rmSync(hash);
    setRootHash(file, 'user.verity.roothash', '12'.repeat(32));
    await assert.rejects(
      inspect(file),
      refused('InvalidArgs', /no pair of partitions matches the given root hash/),
    );
    setRootHash(file, 'user.verity.roothash', rootHash);
    assert.deepEqual(await inspect(file), ['ID=test\n', 'verity', policy]);
  });

  it('is refused when a bit of it, or of the data that is read, is flipped', async () => {
    for (const [offset, message] of [
      [1024 * 1024 + 40, /\(partition 1, root\)' .*block 0 of the data, at offset 0, does not match/],
      [2 * 1024 * 1024 + 4096 + 5, /\(partition 2, root-verity\)' .*the hash block at offset 4096/],
    ] as const) {
      const file = disk();
      writeAt(file, offset, Buffer.from([readFileSync(file)[offset]! ^ 4]));
      await assert.rejects(inspect(file), refused('InvalidArgs', message));
    }
  });

  it('may be signed in a partition', async () => {
    const file = disk({ signature: signedBy(good) });
    assert.deepEqual(await inspect(file, trusting), ['ID=test\n', 'signed valid', signedPolicy]);
    assert.deepEqual(await inspect(file), ['ID=test\n', 'signed unchecked', signedPolicy]);
    const untrusted = disk({ signature: signedBy(other) });
    await assert.rejects(
      inspect(untrusted, trusting),
      refused('AccessDenied', /\(partition 3, root-verity-sig\)', is by none of the 1 certificates/),
    );
  });

  it('may have its root hash in the signature partition only', async () => {
    const file = disk({ otherUuids: true, signature: signedBy(good) });
    assert.deepEqual(await inspect(file, trusting), ['ID=test\n', 'signed valid', signedPolicy]);
    const another = disk({ signature: signedBy(good, '34'.repeat(32)) });
    await assert.rejects(inspect(another, trusting), refused('InvalidArgs', /does not match the root hash/));
    const given = disk({ signature: signedBy(good, '34'.repeat(32)) });
    writeFileSync(given.replace(/raw$/, 'roothash'), rootHash);
    await assert.rejects(
      inspect(given),
      refused('InvalidArgs', /\(partition 3, root-verity-sig\)' .*its root hash is not that of '.*roothash'/),
    );
  });

  it('may be signed beside the image, which the service manager does not look for', async () => {
    const file = disk();
    writeFileSync(file.replace(/raw$/, 'roothash'), rootHash);
    writeFileSync(file.replace(/raw$/, 'roothash.p7s'), signRootHash(rootHash, good));
    assert.deepEqual(await inspect(file, trusting), ['ID=test\n', 'verity valid', policy]);
    writeFileSync(file.replace(/raw$/, 'roothash.p7s'), signRootHash(rootHash, other));
    await assert.rejects(inspect(file, trusting), refused('AccessDenied', /roothash\.p7s', is by none/));
  });

  it('is refused with a signature partition that makes no sense', async () => {
    const base64 = Buffer.from('signature').toString('base64');
    const hash = `"rootHash":"${'12'.repeat(32)}"`;
    const texts: readonly (readonly [string, RegExp])[] = [
      ['', /does not hold JSON/],
      ['junk', /does not hold JSON/],
      ['{', /does not hold JSON/],
      ['[]', /its JSON is not an object/],
      ['null', /its JSON is not an object/],
      ['"text"', /its JSON is not an object/],
      ['{}', /no root hash in the field "rootHash"/],
      ['{"rootHash":7}', /no root hash in the field "rootHash"/],
      ['{"rootHash":"12"}', /no root hash in the field "rootHash"/],
      [`{${hash}}`, /no base64 in the field "signature"/],
      [`{${hash},"signature":[]}`, /no base64 in the field "signature"/],
      [`{${hash},"signature":""}`, /no base64 in the field "signature"/],
      [`{${hash},"signature":"no base64!"}`, /no base64 in the field "signature"/],
      [`{${hash},"signature":"${base64}"}`, /no PKCS#7 signature/],
      [`{${hash},"signature":"${base64}"}\0\0x`, /something behind its JSON, which ends at offset \d+/],
      [`{"x":"${'x'.repeat(140_000)}"}`, /its JSON has 140008 bytes, more than 131072/],
    ];
    for (const [text, message] of texts) {
      const failure = refused('InvalidArgs', message);
      await assert.rejects(inspect(disk({ signature: signature(text) })), failure, text.slice(0, 50));
    }
    const huge = join(scratch, 'huge');
    writeFileSync(huge, Buffer.alloc(5 * 1024 * 1024, '{}'));
    await assert.rejects(inspect(disk({ signature: huge })), refused('InvalidArgs', /more than 4194304/));
  });

  it('is not for an image that has a hash tree beside it', async () => {
    const file = disk();
    copyFileSync(tree, file.replace(/raw$/, 'verity'));
    await assert.rejects(inspect(file), refused('InvalidArgs', /verity' is for an image without partitions/));
  });

  it('has flags of its own, which are pinned as stored', async () => {
    const file = disk({ attributes: ['GUID:59', undefined] });
    const [, , pinned] = await inspect(file);
    assert.equal(
      pinned,
      'root=verity+read-only-off+growfs-on+squashfs:root-verity=read-only-off+growfs-off:=absent',
    );
  });
});
