import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { PortableError } from '../../../src/base/errors.ts';
import {
  decodeJournal,
  encodeJournal,
  isTorn,
  type JournalRecord,
} from '../../../src/transaction/journal-format.ts';
import { Places } from '../../../src/transaction/places.ts';

const id = '0123456789abcdef';
const base = '/etc/systemd/system.attached';
const identity = { inode: '12345678901234567890', size: '10', modified: '1700000000000000001' };

const record: JournalRecord = {
  id,
  kind: 'reattach',
  subject: '/srv/ïmage "x"\n',
  entries: [
    { op: 'mkdir', path: '/etc/systemd', mode: 0o755 },
    { op: 'mkdir', path: `${base}/a.service.d`, mode: 0o755 },
    { op: 'put', path: `${base}/a.service`, area: '/etc', form: 'file', ours: identity },
    { op: 'swap', path: `${base}/b.service`, area: base, form: 'link', ours: identity, before: identity },
    { op: 'take', path: `${base}/c.service`, area: base, before: identity },
    { op: 'rmdir', path: base, area: base },
  ],
};

/** A journal with a valid header around any text. */
function sealed(body: string): Buffer {
  const bytes = Buffer.from(body);
  const hash = createHash('sha256').update(bytes).digest('hex');
  return Buffer.concat([Buffer.from(`portabled-transaction 1 ${hash} ${bytes.length}\n`), bytes]);
}

describe('the journal format', () => {
  const places = Places.open('/', [base]);

  const refuses = (bytes: Buffer, why: RegExp) => {
    assert.throws(
      () => decodeJournal(bytes, id, places),
      (error) => error instanceof PortableError && why.test(error.message),
    );
  };

  it('reads what it wrote', () => {
    assert.deepEqual(decodeJournal(encodeJournal(record), id, places), record);
  });

  it('cut short anywhere is not a journal, but the beginning of one', () => {
    const whole = encodeJournal(record);
    for (let length = 0; length < whole.length; length++) {
      const torn = whole.subarray(0, length);
      assert.throws(() => decodeJournal(torn, id, places), PortableError);
      assert.ok(isTorn(torn), `${length} bytes`);
    }
    assert.ok(!isTorn(whole));
  });

  it('with any byte changed is refused', () => {
    const whole = encodeJournal(record);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x01;
      assert.throws(() => decodeJournal(damaged, id, places), PortableError, `byte ${at}`);
    }
  });

  it('of something else is neither', () => {
    for (const text of ['{}\n', 'portabled-transaction 2 x 1\n', '\0\0\0\0', 'portabled-trunsaction']) {
      refuses(Buffer.from(text), /does not begin like one/);
      assert.ok(!isTorn(Buffer.from(text)), text);
    }
  });

  it('is checked field by field', () => {
    const with_ = (change: object) => sealed(JSON.stringify({ ...record, ...change }));
    refuses(sealed('['), /not JSON/);
    refuses(sealed('[]'), /not an object/);
    refuses(with_({ id: 'fedcba9876543210' }), /another transaction/);
    refuses(with_({ kind: 'destroy' }), /"kind" is none of/);
    refuses(with_({ subject: 1 }), /"subject" is not a string/);
    refuses(with_({ entries: {} }), /"entries" is not a list/);
    const entry = (change: object) => with_({ entries: [{ ...record.entries[3], ...change }] });
    refuses(with_({ entries: [null] }), /not an object/);
    refuses(entry({ op: 'exec' }), /"op" is none of/);
    refuses(entry({ form: 'fifo' }), /"form" is none of/);
    refuses(entry({ ours: { ...identity, inode: '1e3' } }), /"inode" of "ours"/);
    refuses(entry({ before: null }), /"before" is not an object/);
    refuses(with_({ entries: [{ op: 'mkdir', path: base, mode: 0o10000 }] }), /not a file mode/);
  });

  it('names nothing outside of the base directories', () => {
    const take = (path: string, area: string) =>
      sealed(JSON.stringify({ ...record, entries: [{ op: 'take', path, area, before: identity }] }));
    for (const path of [
      '/etc/passwd',
      '/',
      `${base}/../../passwd`,
      `${base}/./x`,
      `${base}x/y`,
      'etc',
      `${base}/x\0`,
    ]) {
      refuses(take(path, base), /outside of the directories for attachments/);
    }
    for (const area of ['/usr', `${base}/x`, '/etc/systemd/..', 'etc', `${base}/`]) {
      refuses(take(`${base}/x`, area), /area is not on the way/);
    }
    const mkdir = (path: string) =>
      sealed(JSON.stringify({ ...record, entries: [{ op: 'mkdir', path, mode: 0 }] }));
    refuses(mkdir('/etc/cron.d'), /outside/);
    assert.ok(decodeJournal(take(`${base}/x`, '/etc'), id, places));
  });
});
