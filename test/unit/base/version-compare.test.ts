import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { compareVersions } from '../../../src/base/version-compare.ts';
import { processorMs } from '../../support/scratch.ts';

/** Also the other way round. */
function order(a: string, b: string): string {
  const forward = Math.sign(compareVersions(a, b));
  assert.equal(forward + Math.sign(compareVersions(b, a)), 0, `'${a}' and '${b}' swapped`);
  return forward < 0 ? '<' : forward > 0 ? '>' : '==';
}

describe('compareVersions', () => {
  it("gives the results of the specification's examples", () => {
    const examples = `11 == 11, systemd-123 == systemd-123, bar-123 < foo-123, 123a > 123, 123.a > 123, 123.a < 123.b,
      123a > 123.a, 11α == 11β, B < a, A < a, '' < 0, 0. > 0, 0.0 > 0, 0 > ~, '' > ~, 1_ == 1, _1 == 1, 1_ < 1.2,
      1_2_3 > 1.3.3, 1+ == 1, +1 == 1, 1+ < 1.2, 1+2+3 > 1.3.3`;
    for (const example of examples.split(',')) {
      const [a = '', sign, b = ''] = example.trim().replace("''", '').split(' ');
      assert.equal(order(a, b), sign, example);
    }
  });

  it("keeps the specification's row in order", () => {
    const row =
      '122.1 123~rc1-1 123 123-a 123-a.1 123-1 123-1.1 123^post1 123.a-1 123.1-1 123a-1 124-1'.split(' ');
    for (const [i, a] of row.entries()) {
      for (const [j, b] of row.entries())
        assert.equal(order(a, b), i < j ? '<' : i > j ? '>' : '==', `${a} ${b}`);
    }
  });

  it('agrees with systemd 262', () => {
    const lines = readFileSync(new URL('../../fixtures/version-order.tsv', import.meta.url), 'utf8').split(
      '\n',
    );
    const pairs = lines
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split('\t'));
    assert.ok(pairs.length > 300);
    for (const [a = '', sign, b = ''] of pairs) assert.equal(order(a, b), sign, `${a} ${b}`);
  });

  it('compares numbers of any length exactly', () => {
    assert.equal(order('9007199254740993', '9007199254740992'), '>');
    assert.equal(order('10'.repeat(50), `${'10'.repeat(49)}11`), '<');
  });

  it('takes no time over long strings', () => {
    const start = processorMs();
    const long = 'a1.'.repeat(50_000);
    assert.equal(order(`${long}~`, long), '<');
    assert.equal(order('_'.repeat(100_000), '+'), '==');
    // a quadratic comparison would take minutes
    assert.ok(processorMs() - start < 10_000);
  });
});
