/**
 * The same calls to systemd's daemon and to ours, on two hosts with the same files: replies, error names, changes and
 * what is left on the host are equal, but for the differences that docs/differences.md tells of.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cases } from './differential/cases.ts';
import { differences, Explanations } from './differential/compare.ts';
import { knownAdditions, knownDifferences } from './differential/differences.ts';
import { bootTwins, type Twins } from './differential/twins.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';

const settings = hostSettings(process.env);

describe('differences from systemd', () => {
  it('are all told of in docs/differences.md', async () => {
    const text = await readFile(path.join(import.meta.dirname, '../../docs/differences.md'), 'utf8');
    const rows = text.split('\n').flatMap((line) => /^\| (.*?) \|/.exec(line)?.[1] ?? []);
    for (const { row } of [...knownDifferences, ...knownAdditions]) {
      assert.equal(rows.filter((cell) => cell.startsWith(row)).length, 1, `no row, or several, for "${row}"`);
    }
  });
});

for (const suite of chosenSuites(process.env, ['trixie'])) {
  describe(`compared with systemd ${suites[suite]}`, () => {
    const explanations = new Explanations(knownDifferences, knownAdditions, suites[suite]);
    let twins: Twins;

    before(async () => {
      twins = await bootTwins(settings, suite);
    });
    after(() => twins.stop());

    for (const [group, list] of Object.entries(cases)) {
      describe(group, () => {
        for (const one of list) {
          it(one.name, async () => {
            const both = [twins.systemd, twins.ours];
            try {
              const [theirs, ours] = await Promise.all(both.map((twin) => twin.play(one)));
              const found = differences(theirs ?? [], explanations.withoutAdditions(ours ?? []));
              assert.deepEqual(explanations.unexplained(one.name, found), []);
            } finally {
              await Promise.all(both.map((twin) => twin.reset()));
            }
          });
        }
      });
    }

    it('differs wherever it is said to differ', () => {
      assert.deepEqual(explanations.unseen, []);
    });
  });
}
