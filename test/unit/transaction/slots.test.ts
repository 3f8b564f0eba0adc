import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isTransactionId, parseSlotName, slotName } from '../../../src/transaction/slots.ts';

describe('temporary names', () => {
  const id = '0123456789abcdef';

  it('say whose they are', () => {
    assert.deepEqual(parseSlotName(slotName(id, 12, 'old')), { id, kind: 'old' });
    assert.deepEqual(parseSlotName(slotName(id, 0, 'new')), { id, kind: 'new' });
  });

  it('are hidden, and end in no suffix of a unit or drop-in directory', () => {
    for (const kind of ['new', 'old'] as const) {
      assert.match(slotName(id, 1, kind), /^\./);
      assert.doesNotMatch(
        slotName(id, 1, kind),
        /\.(service|socket|target|timer|path|conf|d|wants|requires)$/,
      );
    }
  });

  it('are told from all others', () => {
    const others = [
      '.#portabled-',
      `.#portabled-${id}-1`,
      `.#portabled-${id}-1.new.service`,
      `x.#portabled-${id}-1.new`,
    ];
    for (const name of others) assert.equal(parseSlotName(name), undefined, name);
    assert.ok(!isTransactionId('0123456789ABCDEF'));
    assert.ok(!isTransactionId(`${id}0`));
  });
});
