import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { answerReader } from '../../../src/dbus/authentication.ts';

const guid = '0123456789abcdef0123456789abcdef';

describe('the answer to our authentication', () => {
  it('ends with the line that lets us in, in pieces of any size', () => {
    const answer = Buffer.from(`DATA\r\nOK ${guid}\r\nl\u0001`);
    for (let size = 1; size <= answer.length; size++) {
      const take = answerReader();
      const rest: Buffer[] = [];
      let letIn = false;
      for (let at = 0; at < answer.length; at += size) {
        const piece = answer.subarray(at, at + size);
        const after: Buffer | undefined = letIn ? piece : take(piece);
        letIn = after !== undefined;
        if (after !== undefined) rest.push(after);
      }
      assert.equal(Buffer.concat(rest).toString(), 'l\u0001', `pieces of ${size}`);
    }
  });

  it('is no answer when it is anything else', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['REJECTED EXTERNAL DBUS_COOKIE_SHA1\r\n', /it answers "REJECTED EXTERNAL DBUS_COOKIE_SHA1"/],
      ['DATA\r\nREJECTED EXTERNAL\r\n', /"REJECTED EXTERNAL"/],
      ['ERROR\r\n', /"ERROR"/],
      ['OKAY\r\n', /"OKAY"/],
      ['\r\n', /""/],
      ['HTTP/1.1 400 Bad Request\r\n', /"HTTP/],
    ];
    for (const [text, expected] of cases) assert.throws(() => answerReader()(Buffer.from(text)), expected);
  });

  it('has an end', () => {
    const take = answerReader();
    assert.throws(() => {
      for (let i = 0; i < 100; i++) take(Buffer.alloc(100, 'O'));
    }, /it answers "O+"/);
    const asking = answerReader();
    assert.equal(asking(Buffer.from('DATA\r\n'.repeat(10))), undefined);
  });
});
