import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { produce } from '../../../src/build/output.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const directory = scratchDirectory('output');
const settings = { directory, force: false };

describe('outputs', () => {
  it('appear when all went well, with nothing beside them', async () => {
    const { outputs } = await produce(settings, ['a'], (scratch) => {
      writeFileSync(path.join(scratch, 'a'), 'x');
      return Promise.resolve({ made: ['a'] });
    });
    assert.deepEqual(outputs, [path.join(directory, 'a')]);
    assert.deepEqual(readdirSync(directory), ['a']);
  });

  it('fail with what went wrong, even if what is half done cannot be removed either', async () => {
    const searchPath = process.env['PATH'];
    const work = (): Promise<never> => {
      process.env['PATH'] = directory;
      return Promise.reject(new Error('why'));
    };
    try {
      await assert.rejects(produce(settings, ['b'], work), /^Error: why$/);
    } finally {
      process.env['PATH'] = searchPath;
    }
  });
});
