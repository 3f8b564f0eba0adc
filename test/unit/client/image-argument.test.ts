/** How images and units are named. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import {
  describePrefixes,
  resolveImage,
  unitPrefixes,
  unitPrefixOf,
} from '../../../src/client/image-argument.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const cwd = scratchDirectory('images');
mkdirSync(join(cwd, 'foo_1.0'));
symlinkSync('foo_1.0', join(cwd, 'link'));
const warnings: string[] = [];
const resolve = (text: string, more: { local?: boolean; mayBeMissing?: boolean } = {}): string =>
  resolveImage(text, { cwd, local: true, mayBeMissing: false, warn: (said) => warnings.push(said), ...more });

describe('an image argument', () => {
  it('is a name where it can be one', () => {
    assert.equal(resolve('bar_1.0'), 'bar_1.0');
    assert.equal(resolve('bar.raw', { local: false }), 'bar.raw');
    assert.deepEqual(warnings, []);
  });

  it('is a name even beside a file that is called so, which is told', () => {
    assert.equal(resolve('foo_1.0'), 'foo_1.0');
    assert.match(warnings.splice(0).join(), /'\.\/foo_1\.0' would be/);
  });

  it('is an absolute path without links otherwise', () => {
    assert.equal(resolve('./foo_1.0/'), join(cwd, 'foo_1.0'));
    assert.equal(resolve('./link'), join(cwd, 'foo_1.0'));
    assert.equal(resolve(`${cwd}/../${cwd.split('/').at(-1) ?? ''}/link`), join(cwd, 'foo_1.0'));
  });

  it('may be gone when that is no obstacle', () => {
    assert.equal(resolve('./gone', { mayBeMissing: true }), join(cwd, 'gone'));
    assert.throws(() => resolve('./foo_1.1'), { message: /no such file.*did you mean 'foo_1.0'/ });
  });

  it('is not empty, and no path on other machines', () => {
    assert.throws(() => resolve(''), /not nothing/);
    assert.throws(() => resolve('/foo', { local: false }), /named, not given by path/);
  });
});

describe('prefixes of units', () => {
  it('come from the name of the image', () => {
    const expected: Record<string, string> = {
      foo: 'foo',
      'foo_1.0': 'foo',
      'foo+1': 'foo',
      'foo-bar_1_2.raw': 'foo-bar',
      '/srv/foo.b_c.raw': 'foo.b',
      'foo.raw.v': 'foo',
      'foo.v': 'foo',
      '--': '--',
    };
    for (const [image, prefix] of Object.entries(expected)) assert.equal(unitPrefixOf(image), prefix, image);
    for (const image of ['_x', 'foo@bar', 'foo:x.raw', 'a b', 'é', '/'])
      assert.throws(() => unitPrefixOf(image), /does not say how its units begin/);
  });

  it('come from the words behind it', () => {
    assert.deepEqual(unitPrefixes('foo_1', [], 'refused'), ['foo']);
    assert.deepEqual(unitPrefixes('foo_1', ['a', 'b'], 'refused'), ['a', 'b']);
    assert.deepEqual(unitPrefixes('foo_1', ['-'], 'allowed'), []);
    assert.deepEqual(unitPrefixes('foo_1', ['-', 'a'], 'refused'), ['-', 'a']);
    assert.throws(() => unitPrefixes('foo_1', ['-'], 'refused'), /only for inspect/);
  });

  it('are told', () => {
    assert.equal(describePrefixes([]), '(Matching all unit files.)');
    assert.equal(describePrefixes(['a']), "(Matching unit files with prefix 'a'.)");
    assert.equal(describePrefixes(['a', 'b']), "(Matching unit files with prefixes 'a', 'b'.)");
  });
});
