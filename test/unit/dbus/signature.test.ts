import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  parseSignature,
  parseSingle,
  SignatureError,
  type ValueOf,
  type ValuesOf,
  type Variant,
} from '../../../src/dbus/signature.ts';

describe('signatures', () => {
  it('are cut into complete types', () => {
    assert.deepEqual(parseSignature('sa{sv}(it)'), [
      { code: 's' },
      { code: 'a', element: { code: '{', key: { code: 's' }, value: { code: 'v' } } },
      { code: '(', fields: [{ code: 'i' }, { code: 't' }] },
    ]);
    assert.deepEqual(parseSignature(''), []);
  });

  for (const bad of [
    'a',
    '(',
    '()',
    '(s',
    's)',
    '{ss}',
    'a{s}',
    'a{sss}',
    'a{vs}',
    'a{(s)s}',
    'z',
    'a{ss',
    'r',
    'e',
  ]) {
    it(`'${bad}' is none`, () => {
      assert.throws(() => parseSignature(bad), SignatureError);
    });
  }

  it('nest at most 32 arrays and 32 structures, and are at most 255 characters long', () => {
    const nested = (arrays: number, structures: number): string =>
      'a'.repeat(arrays) + '('.repeat(structures) + 's' + ')'.repeat(structures);
    assert.equal(parseSignature(nested(32, 32)).length, 1);
    assert.throws(() => parseSignature(nested(33, 0)), SignatureError);
    assert.throws(() => parseSignature(nested(0, 33)), SignatureError);
    assert.equal(parseSignature('s'.repeat(255)).length, 255);
    assert.throws(() => parseSignature('s'.repeat(256)), SignatureError);
  });

  it('a variant holds exactly one complete type', () => {
    assert.deepEqual(parseSingle('as'), { code: 'a', element: { code: 's' } });
    assert.throws(() => parseSingle('ss'), SignatureError);
    assert.throws(() => parseSingle(''), SignatureError);
  });

  it('give TypeScript the types of the values', () => {
    // these lines are checked by the compiler
    const row: ValueOf<'(sst)'> = ['a', 'b', 1n];
    const images: ValueOf<'a(ssbtttso)'> = [['n', 't', true, 1n, 2n, 3n, 's', '/o']];
    const metadata: ValuesOf<'saya{say}'> = ['i', Buffer.alloc(1), new Map([['u', Buffer.alloc(1)]])];
    const properties: ValueOf<'a{sv}'> = new Map<string, Variant>([['k', { signature: 's', value: 'v' }]]);
    const nothing: ValuesOf<''> = [];
    // @ts-expect-error -- 64-bit numbers are bigints
    const number: ValueOf<'t'> = 1;
    // @ts-expect-error -- a structure has all its fields
    const short: ValueOf<'(ss)'> = ['a'];
    // @ts-expect-error -- no such type
    const unknown: ValueOf<'z'> = 'a';
    assert.ok([row, images, metadata, properties, nothing, number, short, unknown]);
  });
});
