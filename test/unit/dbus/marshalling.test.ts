import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { DecodeError, decodeBody } from '../../../src/dbus/decode.ts';
import { EncodeError, Writer } from '../../../src/dbus/encode.ts';
import { encodeMessage, messageType } from '../../../src/dbus/message.ts';
import { parseSignature, SignatureError, type Value } from '../../../src/dbus/signature.ts';
import { randomSignatures, randomValue } from '../../support/random-values.ts';
import { Random } from '../../support/random.ts';

interface Theirs {
  unmarshall(message: Buffer): { signature: string; body: unknown[] };
  messageToJsFmt(message: object): { body: unknown[] };
  marshallMessage(message: object): [Buffer, unknown[]];
}
const require = createRequire(import.meta.url);
const theirs: Theirs = {
  ...(require('dbus-next/lib/message.js') as Pick<Theirs, 'unmarshall'>),
  ...(require('dbus-next/lib/marshall-compat.js') as Pick<Theirs, 'messageToJsFmt' | 'marshallMessage'>),
};
const { Variant: TheirVariant } = require('dbus-next/lib/variant.js') as {
  Variant: new (signature: string, value: unknown) => object;
};

/** Our values as dbus-next has them. */
function theirValue(value: Value): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [key, theirValue(item as Value)]));
  }
  if (Array.isArray(value)) return value.map((item) => theirValue(item as Value));
  if (typeof value === 'object' && 'signature' in value) {
    return new TheirVariant(value.signature, theirValue(value.value));
  }
  return value;
}

function samples(seed: number, count: number): { signature: string; values: Value[] }[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const signature = randomSignatures(random, 3);
    return { signature, values: parseSignature(signature).map((type) => randomValue(random, type)) };
  });
}

function encodeBody(signature: string, values: readonly unknown[]): Buffer {
  const writer = new Writer();
  writer.values(signature, values);
  return writer.finish();
}

const header = { type: messageType.signal, flags: 0, serial: 1, path: '/', interface: 'a.b', member: 'c' };

describe('marshalling', () => {
  it('is what dbus-next unmarshals', () => {
    for (const { signature, values } of samples(1, 2000)) {
      const message = theirs.unmarshall(encodeMessage({ ...header, signature }, values));
      assert.deepEqual(theirs.messageToJsFmt(message).body, values.map(theirValue), signature);
    }
  });

  it('reads what dbus-next marshals', () => {
    for (const { signature, values } of samples(2, 2000)) {
      const message = { ...header, signature, body: values.map(theirValue) };
      const bytes = theirs.marshallMessage(message)[0];
      const body = bytes.subarray(bytes.length - bytes.readUInt32LE(4));
      assert.deepEqual(decodeBody(signature, body, true), values, signature);
    }
  });

  it('round-trips', () => {
    for (const { signature, values } of samples(3, 2000)) {
      assert.deepEqual(decodeBody(signature, encodeBody(signature, values), true), values, signature);
    }
  });

  it('is exact for 64-bit numbers', () => {
    for (const value of [0n, (1n << 53n) + 1n, (1n << 63n) - 1n, (1n << 64n) - 1n]) {
      assert.deepEqual(decodeBody('t', encodeBody('t', [value]), true), [value]);
      const big = Buffer.alloc(8);
      big.writeBigUInt64BE(value);
      assert.deepEqual(decodeBody('t', big, false), [value]);
    }
    assert.deepEqual(decodeBody('x', encodeBody('x', [-(1n << 63n)]), true), [-(1n << 63n)]);
    assert.deepEqual(decodeBody('dd', encodeBody('dd', [Infinity, NaN]), true), [Infinity, NaN]);
  });

  it('reads the other byte order', () => {
    // q=0x0102, u=0x03040506, s="ab", a(y)=[(7)], n=-2, d=1.5
    const body = Buffer.from(
      '0102 0000 03040506 00000002 616200 00 00000001 00000000 07 00 fffe 00000000 3ff8000000000000'.replaceAll(
        ' ',
        '',
      ),
      'hex',
    );
    assert.deepEqual(decodeBody('qusa(y)nd', body, false), [0x0102, 0x03040506, 'ab', [[7]], -2, 1.5]);
  });

  it('carries a megabyte of bytes without looking at each', () => {
    const bytes = new Random(4).bytes(8 << 20);
    const started = process.cpuUsage();
    const body = encodeBody('a{say}', [new Map([['unit', bytes]])]);
    const { user, system } = process.cpuUsage(started);
    assert.deepEqual(decodeBody('a{say}', body, true), [new Map([['unit', bytes]])]);
    assert.ok(user + system < 500_000, `${user + system} µs for 8 MiB`);
  });

  const misfits: readonly (readonly [string, readonly unknown[]])[] = [
    ['s', [1]],
    ['s', ['a\0b']],
    ['s', ['\ud800']],
    ['s', []],
    ['s', ['a', 'b']],
    ['o', ['relative']],
    ['o', ['/a/']],
    ['o', ['/a//b']],
    ['o', ['/ü']],
    ['y', [256]],
    ['y', [-1]],
    ['q', [0.5]],
    ['n', [0x8000]],
    ['u', [-1]],
    ['i', [0x8000_0000]],
    ['t', [1]],
    ['t', [-1n]],
    ['t', [1n << 64n]],
    ['x', [1n << 63n]],
    ['b', [1]],
    ['d', ['1']],
    ['v', ['text']],
    ['as', ['text']],
    ['a{ss}', [{ a: 'b' }]],
    ['(ss)', [['a']]],
    ['ay', [[1, 256]]],
    ['s', [null]],
    ['s', [undefined]],
  ];
  for (const [signature, values] of misfits) {
    it(`refuses ${JSON.stringify(values, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))} as '${signature}'`, () => {
      assert.throws(() => encodeBody(signature, values), EncodeError);
    });
  }

  it('refuses variants of no or several types', () => {
    assert.throws(() => encodeBody('v', [{ signature: 'ss', value: 'a' }]), SignatureError);
    assert.throws(() => encodeBody('g', ['zz']), SignatureError);
  });

  it('refuses messages over the limit it is given', () => {
    assert.throws(
      () => encodeMessage({ ...header, signature: 'ay' }, [Buffer.alloc(1000)], 500),
      EncodeError,
    );
  });
});

describe('hostile bytes', () => {
  it('are read or refused, never past their end, whatever the signature', () => {
    const random = new Random(5);
    let refused = 0;
    for (const { signature } of samples(6, 4000)) {
      const body = random.bytes(random.below(200));
      try {
        decodeBody(signature, body, random.below(2) === 0);
      } catch (error) {
        assert.ok(error instanceof DecodeError || error instanceof SignatureError, String(error));
        refused++;
      }
    }
    assert.ok(refused > 1000);
  });

  it('truncated anywhere are refused', () => {
    const body = encodeBody('sa{sv}(tay)', [
      'abc',
      new Map([['k', { signature: 'u', value: 1 }]]),
      [1n, Buffer.from('x')],
    ]);
    for (let length = 0; length < body.length; length++) {
      assert.throws(() => decodeBody('sa{sv}(tay)', body.subarray(0, length), true), DecodeError);
    }
  });

  it('cannot nest variants without end', () => {
    const nested = (depth: number): Buffer =>
      Buffer.concat([Buffer.alloc(depth * 3, '\x01v\0', 'latin1'), Buffer.from('\x01y\0\x07')]);
    assert.doesNotThrow(() => decodeBody('v', nested(60), true));
    assert.throws(() => decodeBody('v', nested(100_000), true), DecodeError);
  });
});
