import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { readSmallFile } from '../../../src/base/small-file.ts';
import { openDescriptors, scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('small-file');
const at = (name: string): string => join(scratch, name);

describe('a small file', () => {
  it('is read whole, through links', () => {
    writeFileSync(at('file'), 'text');
    symlinkSync('file', at('link'));
    assert.equal(readSmallFile(at('link'), 4)?.toString(), 'text');
  });

  it('may be missing', () => {
    assert.equal(readSmallFile(at('none'), 4), undefined);
    assert.equal(readSmallFile(at('file/none'), 4), undefined);
  });

  it('is none that is something else, which makes nobody wait', async () => {
    mkdirSync(at('directory'));
    execFileSync('mkfifo', [at('fifo')]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
    for (const name of ['directory', 'fifo', 'socket']) {
      assert.equal(readSmallFile(at(name), 4), 'other', name);
    }
    await new Promise((resolve) => server.close(resolve));
    assert.equal(readSmallFile('/dev/zero', 4), 'other');
  });

  it('is refused when it is large, or loops, and no descriptor stays open', () => {
    const before = openDescriptors();
    writeFileSync(at('large'), 'texts');
    assert.throws(() => readSmallFile(at('large'), 4, '/etc/large'), {
      code: 'LimitsExceeded',
      message: "'/etc/large' has 5 bytes, more than 4",
    });
    symlinkSync('loop', at('loop'));
    assert.throws(() => readSmallFile(at('loop'), 4, '/etc/loop'), {
      code: 'Loop',
      message: /cannot read '\/etc\/loop'/,
    });
    assert.equal(openDescriptors(), before);
  });
});
