import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseOsRelease } from '../../../src/portable/os-release.ts';

const cases: readonly [name: string, text: string, expected: Record<string, string>][] = [
  ['bare words', 'ID=debian\nVERSION_ID=12\n', { ID: 'debian', VERSION_ID: '12' }],
  ['double quotes', 'NAME="Debian GNU/Linux"\n', { NAME: 'Debian GNU/Linux' }],
  ['single quotes take everything literally', "A='a\\b$c\"d'\n", { A: 'a\\b$c"d' }],
  ['escapes between double quotes', 'A="a\\"b\\\\c\\$d\\`e\\n"\n', { A: 'a"b\\c$d`e\\n' }],
  ['comments and empty lines', '# c\n\n  # d\nID=x # no comment here\n', { ID: 'x # no comment here' }],
  ['last one wins', 'ID=a\nID=b\n', { ID: 'b' }],
  ['empty values', 'A=\nB=""\n', { A: '', B: '' }],
  ['no newline at the end', 'ID=x', { ID: 'x' }],
  ['nothing is expanded', 'A=$HOME\nB="${A}"\n', { A: '$HOME', B: '${A}' }],
  ['white space around values', 'A=  x y  \n', { A: 'x y' }],
  ['DOS line ends', 'A=x\r\nB="y"\r\n', { A: 'x', B: 'y' }],
  ['lines that assign nothing', 'nonsense\n=x\n1A=x\nID=x\n', { ID: 'x' }],
  ['an open quote runs to the end', 'A="x\nB=y\n', { A: 'x\nB=y\n' }],
  ['names like those of objects', '__proto__=x\nconstructor=y\n', { ['__proto__']: 'x', constructor: 'y' }],
];

describe('parseOsRelease', () => {
  for (const [name, text, expected] of cases) {
    it(name, () => {
      assert.deepEqual([...parseOsRelease(text)], Object.entries(expected));
    });
  }

  it('reads invalid UTF-8 without failing', () => {
    assert.equal(parseOsRelease(Buffer.from([0x41, 0x3d, 0xff, 0x0a])).get('A'), '\ufffd');
  });

  it('takes linear time', () => {
    const started = performance.now();
    parseOsRelease('A'.repeat(500_000) + '\n'.repeat(500_000) + ' '.repeat(500_000) + '"'.repeat(500_000));
    assert.ok(performance.now() - started < 2000);
  });
});
