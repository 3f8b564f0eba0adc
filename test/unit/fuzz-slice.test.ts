/** A slice of the fuzzing (test/fuzz/run.ts does 200,000 and more): every reader, always the same cases. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fuzz } from '../fuzz/fuzz.ts';
import { fuzzTargets } from '../fuzz/targets.ts';

/** Of each reader. */
const cases = 2000;

describe('mutated images', () => {
  for (const [name, load] of Object.entries(fuzzTargets)) {
    it(`of ${name} do no harm`, async () => {
      const report = await fuzz(await load(), { seed: 1, first: 0, end: cases });
      assert.deepEqual(report.failures, []);
      assert.equal(report.cases, cases);
      // a fuzzer whose images are all refused at once, or all read whole, tests nothing
      assert.ok(report.opened > cases / 10, `${report.opened} opened`);
      assert.ok(report.intact < cases * 0.9, `${report.intact} intact`);
    });
  }
});
