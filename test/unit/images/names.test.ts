import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PortableError } from '../../../src/base/errors.ts';
import { imageNameOf, imagePrefix, isImageName, parseImageArgument } from '../../../src/images/names.ts';

describe('image names', () => {
  for (const name of [
    'a',
    'foo_1.2.3',
    '_',
    'with space',
    'ümlaut',
    'q"uote',
    'a:b',
    'back\\slash',
    '.hidden',
    'x'.repeat(255),
  ]) {
    it(`${JSON.stringify(name.slice(0, 20))} is one`, () => {
      assert.ok(isImageName(name));
    });
  }

  for (const name of [
    '',
    '.',
    '..',
    'a/b',
    '.#tmp',
    'new\nline',
    'nul\0',
    '\x7f',
    '\x85',
    'x'.repeat(256),
    'ü'.repeat(128),
    '\ud800',
  ]) {
    it(`${JSON.stringify(name.slice(0, 20))} is none`, () => {
      assert.ok(!isImageName(name));
    });
  }

  it('are file names without .raw', () => {
    assert.equal(imageNameOf('foo_1.raw'), 'foo_1');
    assert.equal(imageNameOf('foo'), 'foo');
  });

  it('share a prefix up to the version', () => {
    assert.equal(imagePrefix('foo_1.2.3'), 'foo');
    assert.equal(imagePrefix('foo+1'), 'foo');
    assert.equal(imagePrefix('foo-bar'), 'foo-bar');
    assert.equal(imagePrefix('_'), '');
  });
});

describe('image arguments', () => {
  it('are names', () => {
    assert.deepEqual(parseImageArgument('foo'), { kind: 'name', name: 'foo' });
  });

  it('are absolute paths', () => {
    assert.deepEqual(parseImageArgument('/srv/foo.raw'), { kind: 'path', path: '/srv/foo.raw' });
    assert.deepEqual(parseImageArgument('/srv/foo/'), { kind: 'path', path: '/srv/foo/' });
  });

  for (const bad of [
    '',
    'a/b',
    './a',
    '../a',
    '/',
    '//',
    '/a//b',
    '/a/../b',
    '/a/./b',
    '/a/..',
    '/a/.',
    '/a\0b',
    '/' + 'x'.repeat(256),
    '/' + 'x/'.repeat(2048),
  ]) {
    it(`${JSON.stringify(bad.slice(0, 20))} is refused`, () => {
      assert.throws(
        () => parseImageArgument(bad),
        (error) => error instanceof PortableError && error.code === 'InvalidArgs' && error.hint !== undefined,
      );
    });
  }
});
