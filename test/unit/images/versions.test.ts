import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostArchitecture } from '../../../src/base/architecture.ts';
import { pickVersion, splitPattern } from '../../../src/images/versions.ts';

const foreign = hostArchitecture === 'arm64' ? 'x86-64' : 'arm64';

const cases: readonly [why: string, names: readonly string[], picked: string | undefined][] = [
  ['the highest version', ['a_1.raw', 'a_10.raw', 'a_9.raw'], 'a_10.raw'],
  ['a release before its candidates', ['a_1~rc1.raw', 'a_1.raw'], 'a_1.raw'],
  ['this architecture', [`a_2_${foreign}.raw`, `a_1_${hostArchitecture}.raw`], `a_1_${hostArchitecture}.raw`],
  ['any version without an architecture', [`a_9_${foreign}.raw`, 'a_1.raw'], 'a_1.raw'],
  ['versions with tries left', ['a_9+0-3.raw', 'a_1+2-1.raw'], 'a_1+2-1.raw'],
  ['a version without a count before a spent one', ['a_9+0.raw', 'a_1.raw'], 'a_1.raw'],
  ['of equal versions the one tried less', ['a_1+1-2.raw', 'a_1+2-1.raw'], 'a_1+2-1.raw'],
  ['a spent one when there is no other', ['a_1+0-3.raw', 'a_2+0-3.raw'], 'a_2+0-3.raw'],
  ['nothing of another name or type', ['b_1.raw', 'a_1', 'a_.raw', 'a.raw', 'ab_1.raw'], undefined],
];

describe('pickVersion', () => {
  for (const [why, names, picked] of cases) {
    it(`takes ${why}`, () => {
      assert.equal(pickVersion(names, 'a', '.raw'), picked);
      assert.equal(pickVersion([...names].reverse(), 'a', '.raw'), picked);
    });
  }

  it('takes directories', () => {
    assert.equal(pickVersion(['a_1', 'a_2'], 'a', ''), 'a_2');
  });
});

describe('splitPattern', () => {
  it('reads directories of versions and patterns in them', () => {
    assert.deepEqual(splitPattern('/x/a.raw.v'), { directory: '/x/a.raw.v', name: 'a', suffix: '.raw' });
    assert.deepEqual(splitPattern('/x/a.v'), { directory: '/x/a.v', name: 'a', suffix: '' });
    assert.deepEqual(splitPattern('/x/y.v/a___.raw'), { directory: '/x/y.v', name: 'a', suffix: '.raw' });
    assert.deepEqual(splitPattern('/x/y.v/a___'), { directory: '/x/y.v', name: 'a', suffix: '' });
  });

  it('leaves other paths alone', () => {
    for (const path of ['/x/a.raw', '/x/a___.raw', '/x/y.v/a_1.raw'])
      assert.equal(splitPattern(path), undefined);
  });
});
