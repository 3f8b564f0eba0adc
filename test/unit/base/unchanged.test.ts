import assert from 'node:assert/strict';
import { lstatSync, type Stats } from 'node:fs';
import { describe, it } from 'node:test';
import { Unchanged } from '../../../src/base/unchanged.ts';

/** Facts of a file that was last changed so many ms ago, or otherwise as told. */
function facts(ageMs: number, more: Partial<Stats> = {}): Stats {
  const at = Date.now() - ageMs;
  return Object.assign(lstatSync('/'), { ctimeMs: at, mtimeMs: at, ino: 1, dev: 2, size: 3 }, more);
}

function counted(): { read: (before: number | undefined) => number; seen: (number | undefined)[] } {
  const seen: (number | undefined)[] = [];
  return { seen, read: (before) => seen.push(before) };
}

describe('what is read of a file that does not change', () => {
  it('is read once', () => {
    const { read, seen } = counted();
    const files = new Unchanged<number>();
    const old = facts(10_000);
    for (let i = 0; i < 3; i++) assert.equal(files.get('a', old, read), 1);
    assert.equal(files.get('b', old, read), 2);
    assert.deepEqual(seen, [undefined, undefined]);
  });

  it('is read again when anything about the file is different', () => {
    const old = facts(10_000);
    for (const change of [
      { ctimeMs: old.ctimeMs + 1 },
      { mtimeMs: 5 },
      { ino: 9 },
      { dev: 9 },
      { size: 9 },
    ]) {
      const { read, seen } = counted();
      const files = new Unchanged<number>();
      files.get('a', old, read);
      assert.equal(files.get('a', Object.assign(facts(0), old, change), read), 2, JSON.stringify(change));
      assert.deepEqual(seen, [undefined, 1]);
    }
  });

  it('is read again while the next change could have the same time', () => {
    for (const fresh of [facts(0), facts(1900), facts(-60_000), facts(10_000, { ctimeMs: Date.now() })]) {
      const { read, seen } = counted();
      const files = new Unchanged<number>();
      files.get('a', fresh, read);
      files.get('a', fresh, read);
      assert.deepEqual(seen, [undefined, 1]);
    }
  });

  it('is read again where the file could not be looked at', () => {
    const { read, seen } = counted();
    const files = new Unchanged<number>();
    files.get('a', undefined, read);
    files.get('a', undefined, read);
    assert.deepEqual(seen, [undefined, 1]);
  });

  it('is not remembered when reading failed', () => {
    const { read, seen } = counted();
    const files = new Unchanged<number>();
    const old = facts(10_000);
    const fail = (): number => {
      throw new Error('EIO');
    };
    assert.throws(() => files.get('a', old, fail), /EIO/);
    assert.equal(files.get('a', old, read), 1);
    assert.throws(() => files.get('a', facts(20_000), fail), /EIO/);
    assert.equal(files.get('a', old, read), 1);
    assert.deepEqual(seen, [undefined]);
  });

  it('is forgotten when the file is not among those to keep', () => {
    const { read, seen } = counted();
    const files = new Unchanged<number>();
    const old = facts(10_000);
    for (const key of ['a', 'b']) files.get(key, old, read);
    files.keepOnly(new Set(['b', 'c']));
    for (const key of ['a', 'b']) files.get(key, old, read);
    assert.deepEqual(seen, [undefined, undefined, undefined]);
  });
});
