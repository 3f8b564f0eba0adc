import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DecodeError } from '../../../src/dbus/decode.ts';
import { messageFramer, type FramingOptions } from '../../../src/dbus/framing.ts';
import { encodeMessage, messageType, type IncomingMessage } from '../../../src/dbus/message.ts';
import { Random } from '../../support/random.ts';

const call = (serial: number, text: string): Buffer =>
  encodeMessage(
    {
      type: messageType.call,
      flags: 0,
      serial,
      path: '/a',
      interface: 'b.c',
      member: 'D',
      sender: ':1.2',
      signature: 's',
    },
    [text],
  );

function collect(options: Partial<FramingOptions> = {}): {
  feed: (chunk: Buffer) => void;
  seen: IncomingMessage[];
} {
  const seen: IncomingMessage[] = [];
  const feed = messageFramer({
    keepBody: () => true,
    onMessage: (message) => seen.push(message),
    ...options,
  });
  return { feed, seen };
}

describe('framing', () => {
  const stream = Buffer.concat([call(1, 'one'), call(2, ''), call(3, 'three'.repeat(100))]);

  it('finds messages in one piece, byte by byte and in pieces of any size', () => {
    const random = new Random(1);
    for (const size of [() => stream.length, () => 1, () => 1 + random.below(40), () => 16, () => 17]) {
      const { feed, seen } = collect();
      // as from a socket: every piece comes in the same memory
      const memory = Buffer.alloc(stream.length);
      for (let at = 0; at < stream.length;) {
        const end = at + size();
        const piece = memory.subarray(0, stream.copy(memory, 0, at, end));
        feed(piece);
        piece.fill(0xff);
        at = end;
      }
      assert.deepEqual(
        seen.map((message) => [message.serial, message.member, message.sender, message.values('s')[0]]),
        [
          [1, 'D', ':1.2', 'one'],
          [2, 'D', ':1.2', ''],
          [3, 'D', ':1.2', 'three'.repeat(100)],
        ],
      );
    }
  });

  it('passes over the bodies nobody wants', () => {
    const { feed, seen } = collect({ keepBody: (message) => message.serial !== 3 });
    feed(stream);
    feed(call(4, 'four'));
    assert.deepEqual(
      seen.map((message) => [message.serial, message.oversized]),
      [
        [1, false],
        [2, false],
        [3, true],
        [4, false],
      ],
    );
    assert.throws(() => seen[2]?.values('s'), DecodeError);
  });

  it('passes over header fields it does not know, whatever they hold', () => {
    // field 42, a variant a{sv} {"k": <@h 0>}, in place of nothing
    const { feed, seen } = collect();
    const fields = Buffer.concat([
      Buffer.from([1, 1, 0x6f, 0, 2, 0, 0, 0, 0x2f, 0x61, 0, 0, 0, 0, 0, 0]), // path "/a"
      Buffer.from([42, 5, 0x61, 0x7b, 0x73, 0x76, 0x7d, 0]), // signature "a{sv}"
      Buffer.from([16, 0, 0, 0, 0, 0, 0, 0]), // array of 16 bytes, padding
      Buffer.from([1, 0, 0, 0, 0x6b, 0, 1, 0x68, 0, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from([3, 1, 0x73, 0, 1, 0, 0, 0, 0x44, 0]), // member "D"
    ]);
    const fixed = Buffer.from([0x6c, 1, 0, 1, 0, 0, 0, 0, 9, 0, 0, 0, fields.length, 0, 0, 0]);
    feed(Buffer.concat([fixed, fields, Buffer.alloc(-fields.length & 7)]));
    assert.deepEqual([seen[0]?.path, seen[0]?.member, seen[0]?.serial], ['/a', 'D', 9]);
  });

  for (const [what, start] of [
    ['another protocol', 'HTTP/1.1 200 OK\r\n'],
    ['another version', 'l\x01\0\x02\0\0\0\0\x01\0\0\0\0\0\0\0'],
    ['a message of gigabytes', 'l\x01\0\x01\xff\xff\xff\x7f\x01\0\0\0\0\0\0\0'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => collect().feed(Buffer.from(start, 'latin1')), DecodeError);
    });
  }

  it('refuses or reads any bytes, and never throws anything else', () => {
    const random = new Random(2);
    const original = call(1, 'text');
    for (let n = 0; n < 20_000; n++) {
      const bytes = Buffer.from(original);
      for (let flips = 1 + random.below(3); flips > 0; flips--)
        bytes[random.below(bytes.length)] = random.below(256);
      try {
        const { feed, seen } = collect();
        feed(bytes);
        for (const message of seen) assert.ok(message.body);
      } catch (error) {
        assert.ok(
          error instanceof Error && ['DecodeError', 'SignatureError'].includes(error.name),
          String(error),
        );
      }
    }
  });

  it('makes the same of any bytes, whole or byte by byte', () => {
    const random = new Random(3);
    const outcome = (bytes: Buffer, step: number): unknown => {
      const { feed, seen } = collect();
      try {
        for (let at = 0; at < bytes.length; at += step) feed(bytes.subarray(at, at + step));
        return seen.map(({ type, serial, path, member, sender, size }) => [
          [type, serial, path, member, sender, size],
        ]);
      } catch (error) {
        return error instanceof Error ? `${seen.length} ${error.message}` : error;
      }
    };
    for (let n = 0; n < 3000; n++) {
      const bytes = Buffer.from(stream);
      for (let flips = random.below(4); flips > 0; flips--) bytes[random.below(400)] = random.below(128);
      assert.deepEqual(outcome(bytes, 1), outcome(bytes, bytes.length), bytes.toString('base64'));
    }
  });

  it('reads headers of any size', () => {
    const header = { type: messageType.call, flags: 0, serial: 1, member: 'D', signature: '' };
    const { feed, seen } = collect();
    const paths = [1, 900, 1010, 1030, 5000].map((size) => `/${'a'.repeat(size)}`);
    for (const path of paths) feed(encodeMessage({ ...header, path }, []));
    assert.deepEqual(
      seen.map(({ path, member }) => [path, member]),
      paths.map((path) => [path, 'D']),
    );
  });
});
