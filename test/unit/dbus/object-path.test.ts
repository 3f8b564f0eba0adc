import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isObjectPath } from '../../../src/dbus/encode.ts';
import { decodeLabel, encodeLabel } from '../../../src/dbus/object-path.ts';

describe('object path labels', () => {
  // what systemd 262 shows for images of these names
  const known: readonly (readonly [string, string])[] = [
    ['minimal_1', 'minimal_5f1'],
    ['', '_'],
    ['_', '_5f'],
    ['1a1', '_31a1'],
    ['foo.raw', 'foo_2eraw'],
    ['ümlaut', '_c3_bcmlaut'],
    ['a b', 'a_20b'],
  ];
  for (const [name, label] of known) {
    it(`'${name}' is ${label}`, () => {
      assert.equal(encodeLabel(name), label);
      assert.equal(decodeLabel(label), name);
    });
  }

  it('round-trip every character, and are valid path elements', () => {
    for (let code = 1; code < 0x3000; code++) {
      const name = `x${String.fromCodePoint(code)}9`;
      assert.equal(decodeLabel(encodeLabel(name)), name);
      assert.ok(isObjectPath(`/${encodeLabel(name)}`), name);
    }
    assert.equal(decodeLabel(encodeLabel('\u{1f600}')), '\u{1f600}');
  });

  it('read what nobody writes as systemd does', () => {
    assert.equal(decodeLabel('minimal_5F1'), 'minimal_1');
    assert.equal(decodeLabel('minimal_1'), 'minimal_1');
    assert.equal(decodeLabel('_zz'), '_zz');
    assert.equal(decodeLabel('a_'), 'a_');
    assert.equal(decodeLabel('a_4'), 'a_4');
  });

  it('stand for nothing where the bytes are no name', () => {
    for (const label of ['_ff', 'a_00', '_c3', '_ed_a0_80', '_00'])
      assert.equal(decodeLabel(label), undefined, label);
  });
});
