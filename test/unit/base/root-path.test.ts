import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { resolveInRoot } from '../../../src/base/root-path.ts';
import { failsWith } from '../../support/fails-with.ts';
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

  const inside = async (at: string, followLast = true) =>
    (await resolveInRoot(root, at, { followLast })).slice(root.length);

  it('takes absolute links as inside the root', async () => {
    assert.equal(await inside('/abs/systemd'), '/usr/lib/systemd');
    assert.equal(await inside('/lib/systemd'), '/usr/lib/systemd');
  });

  it('does not leave the root by ".."', async () => {
    assert.equal(await inside('/../../etc'), '/etc');
    assert.equal(await inside('/lib/up/file'), '/etc/file');
    assert.equal(await inside('/dangling'), '/etc');
  });

  it('follows the last component unless told not to', async () => {
    assert.equal(await inside('/abs'), '/usr/lib');
    assert.equal(await inside('/abs', false), '/abs');
    assert.equal(await inside('/lib/up', false), '/usr/lib/up');
  });

  it('leaves what does not exist as it is, also below a file', async () => {
    assert.equal(await inside('/abs/new/er'), '/usr/lib/new/er');
    assert.equal(await inside('/etc/file/x'), '/etc/file/x');
    assert.equal(await inside('/'), ''); // the root itself
  });

  it('follows 40 links and no more', async () => {
    assert.equal(await inside('/chain40'), '/etc');
    await failsWith(resolveInRoot(root, '/chain41'), 'Loop', /\/chain41/);
    await failsWith(resolveInRoot(root, '/loop/x'), 'Loop', /\/loop\/x/);
  });

  it('works with "/" as the root', async () => {
    assert.equal(await resolveInRoot('/', `${root}/abs/../etc`), '/usr/etc');
    assert.equal(await resolveInRoot('/', `${root}/lib/systemd`), `${root}/usr/lib/systemd`);
  });
});
