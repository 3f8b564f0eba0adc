import assert from 'node:assert/strict';
import { PortableError } from '../../src/base/errors.ts';

/** Asserts that `work` fails with a PortableError of this code whose message (hint included) matches. */
export async function failsWith(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    if (!(error instanceof PortableError)) throw error;
    assert.equal(error.code, code, error.describe());
    assert.match(error.describe(), message);
    return true;
  });
}
