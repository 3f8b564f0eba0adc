import assert from 'node:assert/strict';
import { type ErrorCode, PortableError } from '../../src/base/errors.ts';

/** For assert.rejects and assert.throws: a PortableError of that code whose message matches. */
export function refused(code: ErrorCode, message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof PortableError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}
