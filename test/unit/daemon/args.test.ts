import { describe, it } from 'node:test';
import assert from 'node:assert/strict';

import { parseCommandLine } from '../../../src/daemon/args.ts';

const parse = (...args: string[]): ReturnType<typeof parseCommandLine> => parseCommandLine(args, '1.2.3');

describe('the command line', () => {
  const plain = { action: 'serve', user: false, root: '/', bus: undefined };
  const runs: readonly (readonly [string[], object])[] = [
    [[], plain],
    [['--user'], { ...plain, user: true }],
    [['--recover'], { ...plain, action: 'recover' }],
    [['--bus', 'unix:path=/b'], { ...plain, bus: 'unix:path=/b' }],
    [['--root', '/tree/', '--bus=unix:path=/b'], { ...plain, root: '/tree/', bus: 'unix:path=/b' }],
    [['--root=/a/../tree', '--recover'], { ...plain, action: 'recover', root: '/tree' }],
    [['--root=/'], plain],
  ];
  for (const [args, options] of runs) {
    it(`runs with ${args.join(' ') || 'nothing'}`, () => {
      assert.deepEqual(parse(...args), { kind: 'run', options });
    });
  }

  it('prints help, which names every option, and the version', () => {
    const help = parse('--help', '--user');
    assert.ok(help.kind === 'print');
    for (const option of ['--user', '--root', '--bus', '--recover', '--help', '--version']) {
      assert.ok(help.text.includes(option), option);
    }
    assert.deepEqual(parse('-h'), help);
    assert.deepEqual(parse('--version'), { kind: 'print', text: 'portabled 1.2.3\n' });
  });

  const misuses: readonly (readonly [string[], RegExp])[] = [
    [['--colour'], /'--colour'/],
    [['-x'], /'-x'/],
    [['serve'], /'serve'/],
    [['--root'], /--root/],
    [['--user=yes'], /--user/],
    [['--root', 'tree', '--recover'], /--root needs an absolute path, not 'tree'/],
    [['--root', '/tree'], /--root needs --bus/],
    [['--bus='], /--bus needs a D-Bus address/],
  ];
  for (const [args, expected] of misuses) {
    it(`refuses ${args.join(' ')}`, () => {
      const command = parse(...args);
      assert.equal(command.kind, 'misuse');
      assert.match(command.text, expected);
      assert.match(command.text, /^portabled: .*\nTry 'portabled --help'\.\n$/);
    });
  }
});
