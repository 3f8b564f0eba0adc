import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { systemPaths } from '../../../src/base/host-paths.ts';
import { silentLog } from '../../../src/base/log.ts';
import { hasJournals, recoverHost } from '../../../src/daemon/recovery.ts';
import { openPortables } from '../../../src/index.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const root = scratchDirectory('daemon-recovery');
const journals = join(root, 'var/lib/portabled/transactions');
mkdirSync(join(root, 'etc'));
mkdirSync(join(root, 'run'));

describe('recovery by the daemon', () => {
  it('is not done with a transaction that could not be ended, and tries it again', async () => {
    const portables = openPortables({ root });
    // a journal that no read can read
    const journal = join(journals, '00112233445566aa.undo');
    mkdirSync(journal, { recursive: true });
    const errors: string[] = [];
    const log = { ...silentLog, error: (message: string) => void errors.push(message) };
    const recovering = openPortables({ root, log });
    assert.equal(await recoverHost(recovering, log, () => Promise.resolve()), false);
    assert.match(
      errors.join('\n'),
      /^the interrupted transaction of '00112233445566aa' could not be ended: /,
    );
    assert.deepEqual(readdirSync(journals), ['00112233445566aa.undo']);
    rmdirSync(journal);
    assert.equal(await recoverHost(portables, silentLog, () => Promise.reject(new Error('why'))), true);
  });

  it('looks for journals in the tree, wherever its links lead', () => {
    const tree = join(root, 'tree');
    const paths = systemPaths();
    assert.equal(hasJournals(tree, paths), false);
    mkdirSync(join(tree, 'data/lib/portabled/transactions/something'), { recursive: true });
    symlinkSync('/data', join(tree, 'var'));
    assert.equal(hasJournals(tree, paths), true);
  });
});
