/** Hash trees, signatures and disk images that we make, checked by the field's own tools and by our reader. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { hostArchitecture } from '../../../src/base/architecture.ts';
import { buildImage } from '../../../src/build/build.ts';
import type { BuildDescription } from '../../../src/build/description.ts';
import { Budget } from '../../../src/disk/budget.ts';
import { openImage } from '../../../src/disk/open.ts';
import type { OpenedImage } from '../../../src/disk/open.ts';
import { failsWith } from '../../support/fails-with.ts';
import { findProgram, runSync, tryRunSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { textAt } from '../../support/list-tree.ts';
import { makeSigner } from '../../support/verity.ts';
import type { Signer } from '../../support/verity.ts';

const scratch = scratchDirectory('integrity');
const unit = path.join(scratch, 'demo.service');
const sourceRoot = path.join(scratch, 'source');
let outputs = 0;
let signer: Signer;
let other: Signer;
let trusted: { root: string; directories: readonly string[] };

before(() => {
  mkdirSync(path.join(sourceRoot, 'usr/bin'), { recursive: true });
  writeFileSync(path.join(sourceRoot, 'usr/bin/demod'), Buffer.alloc(3_000_000, 'demo'), { mode: 0o755 });
  writeFileSync(unit, '[Service]\nExecStart=/usr/bin/demod\n');
  signer = makeSigner(scratch, 'signer');
  other = makeSigner(scratch, 'other');
  trusted = { root: scratch, directories: ['/certificates'] };
  mkdirSync(path.join(scratch, 'certificates'));
  symlinkSync('../signer.crt', path.join(scratch, 'certificates/signer.crt'));
});

/** A new directory. */
function directory(): string {
  const made = path.join(scratch, `out-${++outputs}`);
  mkdirSync(made);
  return made;
}

async function build(
  more: Partial<BuildDescription>,
  outputDirectory = directory(),
  searchPath = process.env['PATH'] ?? '',
) {
  const contents = [{ source: '/usr/bin/demod', local: false, destination: '/usr/bin/demod' }];
  const description = {
    name: 'demo',
    version: '1',
    units: [unit],
    sourceRoot,
    contents,
    compression: 'gzip',
    ...more,
  };
  try {
    return await buildImage(description, { outputDirectory, searchPath });
  } catch (error) {
    assert.deepEqual(readdirSync(outputDirectory), [], 'nothing is left of a failed build');
    throw error;
  }
}

/** Opens an image, reads a file of it, and tells how it is protected. */
async function inspect(file: string): Promise<Pick<OpenedImage, 'parts' | 'table'>> {
  const opened = await openImage({ path: file, type: 'raw' }, new Budget(file), { certificates: trusted });
  try {
    assert.match(await textAt(opened.tree, '/etc/systemd/system/demo.service'), /ExecStart/);
    return { parts: opened.parts, table: opened.table };
  } finally {
    await opened.close();
  }
}

function verifySignature(signature: string, content: string, certificate: string): boolean {
  const options = ['-inform', 'DER', '-in', signature, '-content', content, '-certfile', certificate];
  return (
    tryRunSync('openssl', ['smime', '-verify', '-binary', ...options, '-nointern', '-noverify']).status === 0
  );
}

function signed(): Partial<BuildDescription> {
  return { sign: signer.key, certificate: signer.certificate };
}

describe('side-car files', () => {
  it('are what veritysetup and openssl take', async () => {
    const { outputs: files, rootHash = '' } = await build({ verity: true, ...signed() });
    assert.deepEqual(
      files.map((file) => path.basename(file)),
      ['demo_1.raw', 'demo_1.verity', 'demo_1.roothash', 'demo_1.roothash.p7s'],
    );
    const [image = '', tree = '', hash = '', signature = ''] = files;
    assert.equal(readFileSync(hash, 'utf8'), rootHash);
    runSync('veritysetup', ['verify', image, tree, rootHash]);
    assert.notEqual(
      tryRunSync('veritysetup', [
        'verify',
        image,
        tree,
        rootHash.replace(/^./, (c) => (c === '0' ? '1' : '0')),
      ]).status,
      0,
    );
    assert.ok(verifySignature(signature, hash, signer.certificate));
    assert.ok(!verifySignature(signature, hash, other.certificate));
    assert.equal(statSync(tree).mode & 0o777, statSync(image).mode & 0o777);
    const [root] = (await inspect(image)).parts;
    assert.equal(root?.protection, 'signed');
  });

  it('are the same each time', async () => {
    const [one, two] = [
      await build({ verity: true, ...signed() }),
      await build({ verity: true, ...signed() }),
    ];
    for (const [i, file] of one.outputs.entries())
      assert.ok(readFileSync(file).equals(readFileSync(two.outputs[i] ?? '')), file);
  });

  it('go without a signature, and with erofs', async () => {
    const { outputs: files } = await build({ verity: true, format: 'erofs', compression: 'lz4' });
    assert.equal(files.length, 3);
    const [root] = (await inspect(files[0] ?? '')).parts;
    assert.equal(root?.protection, 'verity');
  });

  it('are not replaced unasked', async () => {
    const output = directory();
    writeFileSync(path.join(output, 'demo_1.roothash'), 'mine');
    const work = buildImage(
      { name: 'demo', version: '1', verity: true, units: [unit], sourceRoot },
      { outputDirectory: output, searchPath: '' },
    );
    await failsWith(work, 'FileExists', /demo_1\.roothash' exists/);
    assert.equal(readFileSync(path.join(output, 'demo_1.roothash'), 'utf8'), 'mine');
  });
});

describe('disk images', () => {
  /** As sfdisk reads the table. */
  function table(file: string) {
    const { partitiontable } = JSON.parse(runSync(findProgram('sfdisk'), ['--json', file])) as {
      partitiontable: {
        label: string;
        id: string;
        partitions: {
          start: number;
          size: number;
          type: string;
          uuid: string;
          name: string;
          attrs?: string;
        }[];
      };
    };
    return partitiontable;
  }

  it('have partitions for data, hash tree and signature', async () => {
    const { outputs: files, rootHash = '' } = await build({ gpt: true, ...signed() });
    assert.deepEqual(
      files.map((file) => path.basename(file)),
      ['demo_1.raw'],
    );
    const [file = ''] = files;
    assert.match(runSync(findProgram('sgdisk'), ['--verify', file]), /No problems found/);
    assert.match(runSync(findProgram('sfdisk'), ['--verify', file]), /No errors detected/);
    const { partitions } = table(file);
    assert.deepEqual(
      partitions.map(({ name }) => name),
      ['', '-verity', '-verity-sig'].map((end) => `root-${hostArchitecture}${end}`),
    );
    const plain = (uuid: string | undefined): string => (uuid ?? '').toLowerCase().replaceAll('-', '');
    assert.equal(plain(partitions[0]?.uuid) + plain(partitions[1]?.uuid), rootHash);
    for (const { start, attrs } of partitions) {
      assert.equal(start % 2048, 0, 'aligned to 1 MiB');
      assert.equal(attrs, 'GUID:60', 'read-only');
    }
    const cut = (i: number): string => {
      const { start = 0, size = 0 } = partitions[i] ?? {};
      const target = `${file}.${i}`;
      writeFileSync(target, readFileSync(file).subarray(start * 512, (start + size) * 512));
      return target;
    };
    runSync('veritysetup', ['verify', cut(0), cut(1), rootHash]);
    const json = JSON.parse(readFileSync(cut(2), 'utf8').replace(/\0+$/, '')) as Record<string, string>;
    assert.equal(json['rootHash'], rootHash);
    const fingerprint = runSync('openssl', [
      'x509',
      '-in',
      signer.certificate,
      '-noout',
      '-fingerprint',
      '-sha256',
    ]);
    assert.equal(
      json['certificateFingerprint'],
      fingerprint.trim().replace(/.*=/, '').replaceAll(':', '').toLowerCase(),
    );
    writeFileSync(`${file}.hash`, rootHash);
    writeFileSync(`${file}.p7s`, Buffer.from(json['signature'] ?? '', 'base64'));
    assert.ok(verifySignature(`${file}.p7s`, `${file}.hash`, signer.certificate));
    assert.deepEqual(
      (await inspect(file)).parts.map(({ designator, protection }) => [designator, protection]).slice(0, 1),
      [['root', 'signed']],
    );
  });

  it('without a signature keep the root hash beside them', async () => {
    const { outputs: files } = await build({ gpt: true, verity: true });
    assert.deepEqual(
      files.map((file) => path.basename(file)),
      ['demo_1.raw', 'demo_1.roothash'],
    );
    assert.equal((await inspect(files[0] ?? '')).parts[0]?.protection, 'verity');
  });

  it('may have nothing but the file system', async () => {
    const {
      outputs: [file = ''],
      rootHash,
    } = await build({ gpt: true });
    assert.equal(rootHash, undefined);
    assert.equal(table(file).partitions.length, 1);
    assert.match(runSync(findProgram('sgdisk'), ['--verify', file]), /No problems found/);
    assert.equal((await inspect(file)).parts[0]?.protection, 'unprotected');
  });

  it('are the same each time', async () => {
    const [one, two] = [await build({ gpt: true, ...signed() }), await build({ gpt: true, ...signed() })];
    assert.equal(one.sha256, two.sha256);
  });
});

describe('what cannot be signed', () => {
  it('is refused with the reason', async () => {
    const empty = path.join(scratch, 'empty.pem');
    writeFileSync(empty, '');
    await failsWith(
      build({ ...signed(), certificate: empty }),
      'InvalidArgs',
      /'.*empty\.pem' is no certificate/,
    );
    await failsWith(build({ ...signed(), sign: empty }), 'InvalidArgs', /cannot sign with '.*empty\.pem'/);
    await failsWith(
      build({ ...signed(), sign: other.key }),
      'InvalidArgs',
      /cannot sign with .*belongs to the certificate/,
    );
    await failsWith(build({ ...signed(), sign: `${empty}-missing` }), 'FileNotFound', /cannot read/);
    await failsWith(build({ ...signed(), certificate: `${empty}-missing` }), 'FileNotFound', /cannot read/);
    await failsWith(build({ sign: signer.key }), 'InvalidArgs', /a key and its certificate/);
    await failsWith(build({ certificate: signer.certificate }), 'InvalidArgs', /a key and its certificate/);
    for (const more of [{ verity: true }, { gpt: true }, signed()]) {
      await failsWith(build({ format: 'directory', ...more }), 'InvalidArgs', /a directory cannot have/);
    }
  });

  it('with a passphrase is refused, and nobody is asked for it', async () => {
    const locked = path.join(scratch, 'locked.key');
    runSync('openssl', ['rsa', '-in', signer.key, '-aes128', '-passout', 'pass:secret', '-out', locked]);
    await failsWith(build({ ...signed(), sign: locked }), 'InvalidArgs', /without a passphrase/);
  });

  it('for want of a program names the package', async () => {
    const programs = path.join(scratch, 'programs');
    mkdirSync(programs);
    symlinkSync(findProgram('mksquashfs'), path.join(programs, 'mksquashfs'));
    await failsWith(
      build(signed(), directory(), programs),
      'NotSupported',
      /"openssl" is not installed .*apt-get install openssl/,
    );
    assert.ok(existsSync(programs));
  });
});
