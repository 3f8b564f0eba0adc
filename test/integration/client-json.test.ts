/** --json of every verb: valid, on standard output alone, of the shape that portablectl(1) tells of. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';

import { verbs } from '../../src/client/command-line/verbs.ts';
import { bundledPrograms } from '../support/client.ts';
import { startBus } from '../support/private-bus.ts';
import { serveFake } from '../support/serve-fake.ts';

const programs = await bundledPrograms();
const bus = await startBus();
const served = await serveFake(bus);
after(() => served.connection.close());

const image = 'minimal_1';
const change = (type: string, path: string, source: string | null): unknown => ({ type, path, source });
const changes = [change('mkdir', '/etc/x', null), change('copy', '/etc/x/u.service', '/img/u.service')];
const listed = (name: string): unknown => ({
  name,
  type: 'directory',
  ro: true,
  crtime: 1_700_000_000_123_456,
  // more than a double holds
  mtime: '9007199254740993',
  usage: '9223372036854775811',
  state: 'attached',
});
const done = { links: [], jobs: [], reloaded: false, dryRun: false };

/** What is typed, and what comes out. */
const cases: readonly (readonly [words: readonly string[], output: unknown])[] = [
  [['list'], ['a b', 'minimal_1', 'ümlaut'].map(listed)],
  [
    ['inspect', image, '--extension=ext'],
    {
      image: '/var/lib/portables/minimal_1',
      osRelease: { ID: 'debian' },
      extensions: [{ image: 'ext', extensionRelease: { ID: '_any' } }],
      units: [{ name: 'unit.service' }],
    },
  ],
  [
    ['inspect', '--cat', image],
    {
      image: '/var/lib/portables/minimal_1',
      osRelease: { ID: 'debian' },
      extensions: [],
      units: [{ name: 'unit.service', content: '[Service]\n' }],
    },
  ],
  [['attach', '--no-reload', image], { images: [{ image, removed: [], changes }], ...done }],
  [['detach', '--no-reload', image], { images: [{ image, removed: changes, changes: [] }], ...done }],
  [
    ['reattach', '--no-reload', image],
    { images: [{ image, removed: changes.slice(0, 1), changes }], ...done },
  ],
  [['is-attached', image], { image, state: 'enabled-runtime' }],
  [['read-only', image], { image, readOnly: true }],
  [['read-only', image, 'no'], { image, readOnly: false }],
  [['remove', image, 'a b'], { removed: [image, 'a b'] }],
  [['set-limit', image, '4K'], { image, limit: 4096 }],
  [['set-limit', '-'], { image: null, limit: null }],
  [['--profile=help'], ['default', 'strict']],
];

describe('--json', () => {
  for (const [words, expected] of cases) {
    it(`of ${words.join(' ')}`, async () => {
      for (const mode of ['short', 'pretty']) {
        const { code, stdout, stderr } = await programs.client([...words, `--json=${mode}`], {
          DBUS_SYSTEM_BUS_ADDRESS: bus.address,
        });
        assert.deepEqual([code, stderr], [0, ''], words.join(' '));
        assert.deepEqual(JSON.parse(stdout), expected);
        assert.ok(stdout.endsWith('\n'));
        assert.equal(stdout.trimEnd().includes('\n'), mode === 'pretty');
      }
    });
  }

  it('is tried with every verb', () => {
    const tried = new Set(cases.map(([[verb]]) => verb));
    assert.deepEqual(
      verbs.map(({ name }) => name).filter((name) => !tried.has(name)),
      [],
    );
  });

  it('is what the manual tells', () => {
    const page = readFileSync(new URL('../../docs/man/portablectl.1', import.meta.url), 'utf8');
    const [, section = ''] = /\.Sh JSON OUTPUT\n([^]*?)\.Sh /.exec(page) ?? [];
    const told = new Set([...section.matchAll(/^\.Va (\w+)/gm)].map(([, name]) => name));
    assert.deepEqual(told, new Set([...namesIn(cases.map(([, output]) => output)), 'unit', 'job', 'result']));
  });

  it('says nothing on standard output where something fails', async () => {
    const { code, stdout, stderr } = await programs.client(['read-only', 'x', 'perhaps', '--json=short'], {
      DBUS_SYSTEM_BUS_ADDRESS: bus.address,
    });
    assert.deepEqual([code, stdout, stderr], [1, '', "'perhaps' is neither yes nor no.\n"]);
  });
});

/** The names of all fields, but for those of os-release. */
function namesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    /[rR]elease$/.test(name) ? [name] : [name, ...namesIn(inner)],
  );
}
