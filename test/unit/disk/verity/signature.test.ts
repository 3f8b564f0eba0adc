import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateStore } from '../../../../src/disk/verity/certificates.ts';
import { EncodingError, children, readElement } from '../../../../src/disk/verity/der.ts';
import { type SignatureState, checkSignature } from '../../../../src/disk/verity/signature.ts';
import { refused } from '../../../support/refused.ts';
import { runSync, tryRunSync } from '../../../support/run.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import { type Signer, makeSigner, signRootHash } from '../../../support/verity.ts';

const scratch = scratchDirectory('signature', '/dev/shm');
const rootHash = '3b'.repeat(32);
const hash = Buffer.from(rootHash, 'hex');
let good: Signer;
let other: Signer;
let roots = 0;

/** A host with these files: path → the file to copy, or what to write. */
function host(files: Readonly<Record<string, Signer | string>>): CertificateStore {
  const root = join(scratch, `host${roots++}`);
  const directories = ['/etc/verity.d', '/run/verity.d', '/usr/lib/verity.d'];
  for (const directory of directories) mkdirSync(join(root, directory), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === 'string') writeFileSync(join(root, name), content);
    else copyFileSync(content.certificate, join(root, name));
  }
  return { root, directories };
}

const check = (bytes: Buffer, store: CertificateStore): Promise<SignatureState> =>
  checkSignature('foo.raw', hash, { bytes, from: "'foo.roothash.p7s'" }, store);

const untrusted = refused(
  'AccessDenied',
  /^'foo\.raw' cannot be trusted: the signature of its root hash, 'foo\.roothash\.p7s', is by none of the \d/,
);

before(() => {
  good = makeSigner(scratch, 'good');
  other = makeSigner(scratch, 'other');
});

describe('the signature of a root hash', () => {
  it('is valid when it is by one of the installed certificates', async () => {
    const signature = signRootHash(rootHash, good);
    const places = ['/etc/verity.d/a.crt', '/run/verity.d/a.crt', '/usr/lib/verity.d/a.crt'];
    for (const place of places) assert.equal(await check(signature, host({ [place]: good })), 'valid');
    assert.equal(
      await check(signature, host({ '/etc/verity.d/a.crt': other, '/etc/verity.d/b.crt': good })),
      'valid',
    );
  });

  it('counts certificates of the tree only, wherever the links to their directories lead', async () => {
    const signature = signRootHash(rootHash, good);
    const store = host({ '/usr/lib/verity.d/a.crt': good });
    const inside = { ...store, directories: ['/linked'] };
    symlinkSync('/usr/lib/verity.d', join(store.root, 'linked'));
    assert.equal(await check(signature, inside), 'valid');
    const outside = { ...store, directories: ['/away'] };
    symlinkSync(join(store.root, 'usr/lib/verity.d'), join(store.root, 'away'));
    assert.equal(await check(signature, outside), 'unchecked');
  });

  it('is refused when it is by none', async () => {
    const store = host({ '/etc/verity.d/a.crt': good });
    await assert.rejects(check(signRootHash(rootHash, other), store), untrusted);
    // certificates in the signature do not count
    await assert.rejects(check(signRootHash(rootHash, other, ['-noattr']), store), untrusted);
  });

  it('is refused when it is of another hash', async () => {
    const store = host({ '/etc/verity.d/a.crt': good });
    for (const options of [['-noattr'], [], ['-noattr', '-nodetach']]) {
      await assert.rejects(check(signRootHash('4b'.repeat(32), good, options), store), untrusted);
      await assert.rejects(check(signRootHash(rootHash.toUpperCase(), good, options), store), untrusted);
      await assert.rejects(check(signRootHash(`${rootHash}\n`, good, options), store), untrusted);
    }
  });

  it('cannot be checked without certificates, but must be one', async () => {
    assert.equal(await check(signRootHash(rootHash, good), host({})), 'unchecked');
    const nowhere = { root: '/', directories: [join(scratch, 'nowhere')] };
    assert.equal(await check(signRootHash(rootHash, other), nowhere), 'unchecked');
    await assert.rejects(check(Buffer.from('junk'), host({})), refused('InvalidArgs', /no PKCS#7 signature/));
  });

  it('may be made with each kind of key and digest, with attributes, certificates and content', async () => {
    const keys: Readonly<Record<string, readonly string[]>> = {
      rsa4096: ['rsa:4096'],
      p256: ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
      p521: ['ec', '-pkeyopt', 'ec_paramgen_curve:secp521r1'],
    };
    const signers = Object.entries(keys).map(([name, algorithm]) => makeSigner(scratch, name, { algorithm }));
    const options = [
      [],
      ['-noattr'],
      ['-nocerts'],
      ['-noattr', '-nocerts', '-nodetach'],
      ['-nodetach', '-stream'],
      ...['sha224', 'sha384', 'sha512'].map((digest) => ['-md', digest, '-noattr']),
      ['-md', 'sha512'],
    ];
    for (const signer of [good, ...signers]) {
      const store = host({ '/etc/verity.d/a.crt': signer });
      for (const each of options) {
        assert.equal(await check(signRootHash(rootHash, signer, each), store), 'valid', each.join(' '));
      }
    }
  });

  it('may be by a certificate that has expired, as for systemd and the kernel', async () => {
    const expired = makeSigner(scratch, 'expired', { expired: true });
    // dates of certificates are whole seconds
    await sleep(1100);
    const { validTo } = new X509Certificate(readFileSync(expired.certificate));
    assert.ok(Date.parse(validTo) < Date.now(), validTo);
    const store = host({ '/etc/verity.d/a.crt': expired });
    assert.equal(await check(signRootHash(rootHash, expired), store), 'valid');
  });

  it('is refused with a digest that can be forged', async () => {
    const store = host({ '/etc/verity.d/a.crt': good });
    for (const digest of ['sha1', 'md5']) {
      await assert.rejects(
        check(signRootHash(rootHash, good, ['-md', digest, '-noattr']), store),
        refused('InvalidArgs', /no PKCS#7 signature: its digest algorithm [\d.]+ is not known, or too weak/),
      );
    }
  });

  it('is refused when its certificate has the name and number of an installed one, but another key', async () => {
    const [first, second] = ['first', 'second'].map((name) => {
      const [certificate, key] = [join(scratch, `${name}.crt`), join(scratch, `${name}.key`)];
      runSync('openssl', [
        ...['req', '-x509', '-nodes', '-batch', '-subj', '/CN=same', '-set_serial', '7'],
        ...['-newkey', 'rsa:2048', '-keyout', key, '-out', certificate],
      ]);
      return { certificate, key };
    }) as [Signer, Signer];
    const store = host({ '/etc/verity.d/a.crt': first });
    assert.equal(await check(signRootHash(rootHash, first), store), 'valid');
    await assert.rejects(check(signRootHash(rootHash, second), store), untrusted);
    // both are known: the right one is found
    const both = host({ '/etc/verity.d/a.crt': first, '/etc/verity.d/b.crt': second });
    assert.equal(await check(signRootHash(rootHash, second), both), 'valid');
  });

  it('needs every signer to be trusted when there are several', async () => {
    const options = ['-noattr', '-signer', other.certificate, '-inkey', other.key];
    const signature = signRootHash(rootHash, good, options);
    await assert.rejects(check(signature, host({ '/etc/verity.d/a.crt': good })), untrusted);
    const both = host({ '/etc/verity.d/a.crt': good, '/etc/verity.d/b.crt': other });
    assert.equal(await check(signature, both), 'valid');
  });

  it('is judged as openssl judges it, whatever bit is flipped', async () => {
    const store = host({ '/etc/verity.d/a.crt': good });
    writeFileSync(join(scratch, 'hash'), rootHash);
    const verify = ['smime', '-verify', '-inform', 'der', '-binary', '-nointern', '-noverify'];
    const files = [
      '-content',
      join(scratch, 'hash'),
      '-certfile',
      good.certificate,
      '-in',
      join(scratch, 'flipped'),
    ];
    let bad = 0;
    let ours = 0;
    for (const options of [['-noattr', '-nocerts'], ['-nocerts']]) {
      const signature = signRootHash(rootHash, good, options);
      for (let at = 0; at < signature.length; at++) {
        const bytes = Buffer.from(signature);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
        const isValid = await check(bytes, store).then(
          () => true,
          () => false,
        );
        if (!isValid) {
          bad++;
          continue;
        }
        // where nothing is said: version numbers, parameters of algorithms
        writeFileSync(join(scratch, 'flipped'), bytes);
        ours += tryRunSync('openssl', [...verify, ...files]).status === 0 ? 0 : 1;
      }
    }
    assert.ok(bad > 900, `${bad} refused`);
    // the tags of parameters that algorithms do not have, and versions
    assert.ok(ours <= 12, `${ours} taken that openssl does not take`);
  });
});

describe('installed certificates', () => {
  it('are those named .crt, in PEM; others are passed over', async () => {
    const der = join(scratch, 'good.der');
    runSync('openssl', ['x509', '-in', good.certificate, '-outform', 'der', '-out', der]);
    const store = host({
      '/etc/verity.d/good.pem': good,
      '/etc/verity.d/junk.crt': '-----BEGIN CERTIFICATE-----\nMII\n',
      '/etc/verity.d/note.crt': 'nothing here',
      '/etc/verity.d/key.crt': readFileSync(good.key, 'utf8'),
    });
    copyFileSync(der, join(store.root, 'etc/verity.d/der.crt'));
    mkdirSync(join(store.root, 'etc/verity.d/directory.crt'));
    runSync('mkfifo', [join(store.root, 'etc/verity.d/fifo.crt')]);
    writeFileSync(join(store.root, 'etc/verity.d/huge.crt'), Buffer.alloc(100_000, '-----BEGIN'));
    assert.equal(await check(signRootHash(rootHash, good), store), 'unchecked');
  });

  it('are hidden by those of the same name in a directory before', async () => {
    const signature = signRootHash(rootHash, good);
    const shadowed = host({ '/etc/verity.d/a.crt': other, '/usr/lib/verity.d/a.crt': good });
    await assert.rejects(check(signature, shadowed), untrusted);
    const masked = host({ '/usr/lib/verity.d/a.crt': good, '/usr/lib/verity.d/b.crt': other });
    symlinkSync('/dev/null', join(masked.root, 'etc/verity.d/a.crt'));
    await assert.rejects(check(signature, masked), untrusted);
    const emptied = host({ '/usr/lib/verity.d/a.crt': good, '/run/verity.d/a.crt': '' });
    assert.equal(await check(signature, emptied), 'unchecked');
  });

  it('may be links, which lead to files of their host', async () => {
    const store = host({ '/run/verity.d/real': good });
    symlinkSync('/run/verity.d/real', join(store.root, 'etc/verity.d/a.crt'));
    assert.equal(await check(signRootHash(rootHash, good), store), 'valid');
  });
});

describe('bytes that are no signature', () => {
  it('are told from one', async () => {
    const store = host({ '/etc/verity.d/a.crt': good });
    const signature = signRootHash(rootHash, good);
    for (let length = 0; length < signature.length; length += 3) {
      await assert.rejects(
        check(signature.subarray(0, length), store),
        refused('InvalidArgs', /^'foo.raw' .*'foo.roothash.p7s' is no PKCS#7 signature: /),
      );
    }
    const certificate = Buffer.from(
      readFileSync(good.certificate, 'utf8').replace(/-----.*-----/g, ''),
      'base64',
    );
    await assert.rejects(check(certificate, store), refused('InvalidArgs', /the content type is missing/));
    const enveloped = Buffer.from('301306092a864886f70d010703a00630040201003100', 'hex');
    await assert.rejects(
      check(enveloped, store),
      refused('InvalidArgs', /of type 1\.2\.840\.113549\.1\.7\.3/),
    );
    const nobody = Buffer.from('301d06092a864886f70d010702a010300e0201013100300306012a31003100', 'hex');
    await assert.rejects(check(nobody, store), refused('InvalidArgs', /no PKCS#7/));
  });

  it('do not nest without end', () => {
    const deep = Buffer.alloc(60_000, Buffer.from([0x30, 0x80]));
    assert.throws(() => readElement(deep), EncodingError);
    assert.throws(() => readElement(Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff])), EncodingError);
    assert.throws(() => readElement(Buffer.from([0x1f, 0x81, 0x00])), EncodingError);
    assert.throws(() => readElement(Buffer.from([0x04, 0x80, 0, 0])), EncodingError);
    // an element without content is no end
    const empty = readElement(Buffer.from([0x30, 0x80, 0x05, 0, 0x02, 0x01, 0x05, 0, 0]));
    assert.deepEqual(
      children(empty).map(({ tag }) => tag),
      [0x05, 0x02],
    );
    const inner = children(readElement(Buffer.from([0x30, 0x80, 0x02, 0x01, 0x05, 0x30, 0x80, 0, 0, 0, 0])));
    assert.deepEqual(
      inner.map(({ tag, content }) => [tag, content.toString('hex')]),
      [
        [0x02, '05'],
        [0x30, ''],
      ],
    );
  });
});
