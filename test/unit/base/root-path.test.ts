import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { resolveInRoot } from '../../../src/base/root-path.ts';
import { scratchDirectory } from '../../support/scratch.ts';

describe('resolveInRoot', () => {
  const root = scratchDirectory('root-path');
  mkdirSync(path.join(root, 'usr/lib/systemd'), { recursive: true });
  mkdirSync(path.join(root, 'etc'));
  writeFileSync(path.join(root, 'etc/file'), '');
  symlinkSync('usr/lib', path.join(root, 'lib'));
  symlinkSync('/usr/lib', path.join(root, 'abs'));
  symlinkSync('../../../../../../etc', path.join(root, 'usr/lib/up'));
  symlinkSync('loop', path.join(root, 'loop'));
  symlinkSync('missing/../etc', path.join(root, 'dangling'));
  for (let i = 1; i <= 41; i++) symlinkSync(i === 1 ? 'etc' : `chain${i - 1}`, path.join(root, `chain${i}`));

  const inside = (at: string, followLast = true) =>
    resolveInRoot(root, at, { followLast }).slice(root.length);

  it('takes absolute links as inside the root', () => {
    assert.equal(inside('/abs/systemd'), '/usr/lib/systemd');
    assert.equal(inside('/lib/systemd'), '/usr/lib/systemd');
  });

  it('does not leave the root by ".."', () => {
    assert.equal(inside('/../../etc'), '/etc');
    assert.equal(inside('/lib/up/file'), '/etc/file');
    assert.equal(inside('/dangling'), '/etc');
  });

  it('follows the last component unless told not to', () => {
    assert.equal(inside('/abs'), '/usr/lib');
    assert.equal(inside('/abs', false), '/abs');
    assert.equal(inside('/lib/up', false), '/usr/lib/up');
  });

  it('leaves what does not exist as it is, also below a file', () => {
    assert.equal(inside('/abs/new/er'), '/usr/lib/new/er');
    assert.equal(inside('/etc/file/x'), '/etc/file/x');
    assert.equal(inside('/'), ''); // the root itself
  });

  it('follows 40 links and no more', () => {
    assert.equal(inside('/chain40'), '/etc');
    assert.throws(() => resolveInRoot(root, '/chain41'), { code: 'Loop', file: '/chain41' });
    assert.throws(() => resolveInRoot(root, '/loop/x'), { code: 'Loop', file: '/loop/x' });
  });

  it('works with "/" as the root', () => {
    assert.equal(resolveInRoot('/', `${root}/abs/../etc`), '/usr/etc');
    assert.equal(resolveInRoot('/', `${root}/lib/systemd`), `${root}/usr/lib/systemd`);
  });
});
