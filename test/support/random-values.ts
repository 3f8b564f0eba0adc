/** Random D-Bus signatures and values of them. */
import type { Type, Value } from '../../src/dbus/signature.ts';
import type { Random } from './random.ts';

const basic = ['y', 'b', 'n', 'q', 'i', 'u', 'x', 't', 'd', 's', 'o', 'g'] as const;

/** @param depth how many containers may be around each other */
export function randomSignature(random: Random, depth: number): string {
  const containers = depth > 0 ? random.below(3) === 0 : false;
  if (!containers) return random.pick(basic);
  switch (random.below(4)) {
    case 0:
      return 'v';
    case 1:
      return `a${randomSignature(random, depth - 1)}`;
    case 2:
      return `a{s${randomSignature(random, depth - 1)}}`;
    default:
      return `(${randomSignatures(random, depth - 1)})`;
  }
}

/** One to three complete types. */
export function randomSignatures(random: Random, depth: number): string {
  let signatures = '';
  for (let n = 1 + random.below(3); n > 0; n--) signatures += randomSignature(random, depth);
  return signatures;
}

const words = ['', 'a', 'portable', 'ünïcödé', '\u{1f600}', 'new\nline', 'x'.repeat(300), '7'];
const paths = ['/', '/a', '/org/freedesktop/portable1/image/a_5f'];

export function randomValue(random: Random, type: Type): Value {
  switch (type.code) {
    case 'b':
      return random.below(2) === 1;
    case 'y':
      return random.below(0x100);
    case 'n':
      return random.below(0x1_0000) - 0x8000;
    case 'q':
      return random.below(0x1_0000);
    case 'i':
      return random.pick([0, -1, -0x8000_0000, 0x7fff_ffff]);
    case 'u':
    case 'h':
      return random.uint32();
    case 'x':
      return BigInt.asIntN(64, (BigInt(random.uint32()) << 32n) | BigInt(random.uint32()));
    case 't':
      return random.pick([0n, 1n, (1n << 53n) + 1n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]);
    case 'd':
      return random.pick([0, 1.5, -1e300, Number.MIN_VALUE, Number.MAX_VALUE]);
    case 's':
      return random.pick(words);
    case 'o':
      return random.pick(paths);
    case 'g':
      return random.pick(['', 's', 'a{sv}', '(ii)as']);
    case 'v':
      return random.pick<Value>([
        { signature: 's', value: 'text' },
        { signature: 't', value: 1n << 60n },
        { signature: 'a(sy)', value: [['q', 1]] },
        { signature: 'v', value: { signature: 'b', value: true } },
      ]);
    case '(':
      return type.fields.map((field) => randomValue(random, field));
    case 'a':
      return randomArray(random, type.element);
    case '{':
      throw new TypeError('an entry is part of an array');
  }
}

function randomArray(random: Random, element: Type): Value {
  const length = random.below(4);
  if (element.code === 'y') return random.bytes(length * 7);
  if (element.code !== '{') return Array.from({ length }, () => randomValue(random, element));
  return new Map(words.slice(0, length).map((key) => [key, randomValue(random, element.value)]));
}
