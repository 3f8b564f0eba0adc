import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isTemplate } from '../../../src/host/unit-name.ts';
import { matchesAny, matchesPrefix, portableUnitType } from '../../../src/portable/unit-name.ts';

describe('unit names', () => {
  it('have a type that can be attached', () => {
    assert.equal(portableUnitType('a.service'), 'service');
    assert.equal(portableUnitType('a@.socket'), 'socket');
    assert.equal(portableUnitType('a@b-c\\x2d@d.target'), 'target');
    assert.equal(portableUnitType('a:b.timer'), 'timer');
    assert.equal(portableUnitType('a.b.path'), 'path');
  });

  for (const name of [
    'a.mount',
    'a.conf',
    'service',
    '.service',
    '@.service',
    'a b.service',
    'a/b.service',
    'ü.service',
    'a.service.d',
    '..service/x.service',
    `${'x'.repeat(250)}.service`,
  ]) {
    it(`${name.slice(0, 20)} is none`, () => {
      assert.equal(portableUnitType(name), undefined);
    });
  }

  it('tell templates', () => {
    assert.ok(isTemplate('a@.service'));
    assert.ok(!isTemplate('a@b.service'));
    assert.ok(!isTemplate('a.service'));
  });
});

describe('prefixes', () => {
  it('match up to a separator', () => {
    for (const name of ['foo.service', 'foo-bar.service', 'foo@.service', 'foo'])
      assert.ok(matchesPrefix(name, 'foo'));
    for (const name of ['foobar.service', 'foo_bar.service', 'fo.service'])
      assert.ok(!matchesPrefix(name, 'foo'));
  });

  it('match whole names', () => {
    assert.ok(matchesPrefix('foo.service', 'foo.service'));
  });

  it('match everything when there are none', () => {
    assert.ok(matchesAny('x.service', []));
    assert.ok(!matchesAny('x.service', ['y']));
  });
});
