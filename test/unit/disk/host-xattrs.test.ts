import assert from 'node:assert/strict';
import { closeSync, openSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, mock } from 'node:test';
import { readHostXattrs, rememberingXattrs } from '../../../src/disk/host-xattrs.ts';
import { runSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const hour = 3_600_000;

describe('extended attributes that are remembered', () => {
  it('are read again when the file has been changed, and when that may be', async () => {
    const file = join(scratchDirectory('xattrs'), 'file');
    writeFileSync(file, '');
    runSync('setfattr', ['-n', 'user.one', '-v', '1', file]);
    const fd = openSync(file, 'r');
    let processes = 0;
    const read = rememberingXattrs((...args) => {
      processes++;
      return readHostXattrs(...args);
    });
    const found = async (): Promise<readonly string[]> =>
      [...(await read(fd, file))].map(([name, value]) => `${name}=${value.toString()}`);
    const now = Date.now();
    mock.timers.enable({ apis: ['Date'], now });
    try {
      assert.deepEqual(await found(), ['user.one=1']);
      assert.deepEqual([await found(), processes], [['user.one=1'], 2]); // it may be changed in this very tick

      mock.timers.setTime(now + hour);
      assert.deepEqual([await found(), await found(), processes], [['user.one=1'], ['user.one=1'], 3]);

      runSync('setfattr', ['-n', 'user.one', '-v', '2', file]);
      assert.deepEqual([await found(), await found(), processes], [['user.one=2'], ['user.one=2'], 4]);

      utimesSync(file, 1, 1); // times that can be set have no say
      assert.deepEqual([await found(), processes], [['user.one=2'], 5]);
    } finally {
      mock.timers.reset();
      closeSync(fd);
    }
  });

  it('of a file whose reading failed are not', async () => {
    const file = join(scratchDirectory('xattrs'), 'file');
    writeFileSync(file, '');
    const fd = openSync(file, 'r');
    const answers = [
      Promise.reject(new Error('no such luck')),
      Promise.resolve(new Map([['user.a', Buffer.from('b')]])),
    ];
    const read = rememberingXattrs(() => answers.shift() ?? assert.fail());
    mock.timers.enable({ apis: ['Date'], now: Date.now() + hour });
    try {
      await assert.rejects(read(fd, file), /no such luck/);
      assert.deepEqual([...(await read(fd, file)).keys()], ['user.a']);
      assert.deepEqual([...(await read(fd, file)).keys()], ['user.a']);
    } finally {
      mock.timers.reset();
      closeSync(fd);
    }
  });
});
