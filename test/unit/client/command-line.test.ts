/** What is typed, and what it is taken for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { helpText } from '../../../src/client/command-line/help.ts';
import { options } from '../../../src/client/command-line/options.ts';
import { readCommandLine } from '../../../src/client/command-line/parse.ts';
import { settingsFrom, type Settings } from '../../../src/client/command-line/settings.ts';
import { commonOptions, verbs } from '../../../src/client/command-line/verbs.ts';
import { plain } from '../../../src/terminal/styles.ts';
import { displayWidth } from '../../../src/terminal/width.ts';

const settings = (...args: string[]): Settings => settingsFrom(readCommandLine(args).given);
const words = (...args: string[]): readonly string[] => readCommandLine(args).words;

describe('the command line', () => {
  it('has options before and after words, until "--"', () => {
    const { given, words: rest } = readCommandLine(['-q', 'attach', '--now', 'foo', '--', '--enable', '-']);
    assert.deepEqual(
      given.map(({ name }) => name),
      ['quiet', 'now'],
    );
    assert.deepEqual(rest, ['attach', 'foo', '--enable', '-']);
    assert.deepEqual(words('inspect', 'foo', '-'), ['inspect', 'foo', '-']);
  });

  it('takes arguments as getopt_long does', () => {
    assert.equal(settings('--profile=strict').profile, 'strict');
    assert.equal(settings('--profile', 'strict').profile, 'strict');
    assert.equal(settings('-pstrict').profile, 'strict');
    assert.equal(settings('-p', 'strict').profile, 'strict');
    assert.equal(settings('-qpstrict').quiet, true);
    assert.equal(settings('--cop=symlink').copyMode, 'symlink');
    assert.deepEqual(settings('--extension=a', '--extension', 'b').extensions, ['a', 'b']);
    assert.equal(settings('--copy=copy', '--copy=auto').copyMode, '');
  });

  it('has the defaults of systemd', () => {
    const { profile, copyMode, reload, block, askPassword, pager, legend, place, user, json } = settings();
    assert.deepEqual(
      { profile, copyMode, reload, block, askPassword, pager, legend, place, user, json },
      {
        profile: 'default',
        copyMode: '',
        reload: true,
        block: true,
        askPassword: true,
        pager: true,
        legend: true,
        place: { kind: 'local' },
        user: false,
        json: 'off',
      },
    );
  });

  it('knows whose daemon is meant', () => {
    assert.deepEqual(settings('-H', 'me@there').place, { kind: 'remote', host: 'me@there' });
    assert.deepEqual(settings('-Mbox').place, { kind: 'machine', machine: 'box' });
    assert.deepEqual(settings('-M', 'me@.host').place, { kind: 'machine', machine: 'me@.host' });
    assert.equal(settings('--user').user, true);
    assert.equal(settings('--user', '--system').user, false);
  });

  for (const [args, message] of [
    [['--bogus'], /no option --bogus/],
    [['--extensoin=x'], /did you mean '--extension'/],
    [['-x'], /no option -x/],
    [['--no'], /could be any of .*--no-pager, .*--now/],
    [['--now=1'], /--now has no argument/],
    [['--copy'], /--copy needs an argument/],
    [['-p'], /-p needs an argument/],
    [['--copy=symlnk'], /no copy mode 'symlnk', did you mean 'symlink'/],
    [['--json=yaml'], /no JSON mode 'yaml'/],
    [['--profile='], /not the name of a profile/],
    [['--machine='], /needs the name of a container/],
    [['--machine=a/b'], /needs the name of a container/],
  ] as const) {
    it(`refuses ${args.join(' ')}`, () => {
      assert.throws(() => settings(...args), { name: 'UsageError', message });
    });
  }
});

describe('the tables', () => {
  it('have no name twice', () => {
    for (const names of [options.map(({ name }) => name), verbs.map(({ name }) => name)])
      assert.equal(new Set(names).size, names.length);
    const letters = options.flatMap((option) => ('short' in option ? [option.short] : []));
    assert.equal(new Set(letters).size, letters.length);
  });

  it('have a use for every option', () => {
    const used = new Set([...commonOptions, ...verbs.flatMap((verb) => verb.options)]);
    assert.deepEqual(
      options.filter(({ name }) => !used.has(name)).map(({ name }) => name),
      [],
    );
  });

  it('have every option and verb of systemd 262', () => {
    const ofSystemd =
      'profile copy runtime no-reload cat enable now no-block extension force clean quiet no-pager no-legend ' +
      'no-ask-password host machine user system help version';
    const names = options.filter((option) => !('own' in option)).map(({ name }) => name);
    assert.deepEqual([...names].sort(), ofSystemd.split(' ').sort());
    assert.deepEqual(
      verbs.map(({ name }) => name),
      'list inspect attach detach reattach is-attached read-only remove set-limit'.split(' '),
    );
  });

  it('lead to the programs', async () => {
    for (const { load } of verbs) assert.equal(typeof (await load()), 'function');
  });

  it('are all in the help, which fits the terminal', () => {
    for (const columns of [60, 80, 200]) {
      const text = helpText(plain, columns);
      for (const { name } of options) assert.ok(text.includes(`--${name}`), name);
      for (const { name } of verbs) assert.ok(text.includes(name), name);
      for (const line of text.split('\n')) assert.ok(displayWidth(line) <= columns, line);
    }
  });
});
