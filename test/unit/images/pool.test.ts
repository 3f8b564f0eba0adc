import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { systemPaths } from '../../../src/base/host-paths.ts';
import { unknownSize } from '../../../src/images/image.ts';
import { poolQuota, setPoolLimit } from '../../../src/images/pool.ts';
import { failsWith } from '../../support/fails-with.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const root = scratchDirectory('pool');
const paths = systemPaths();
const unknown = { usage: unknownSize, limit: unknownSize };

describe('a pool that is no btrfs subvolume', () => {
  it('has no quota, and can have none', async () => {
    assert.deepEqual(await poolQuota(root, paths), unknown);
    mkdirSync(join(root, paths.pool), { recursive: true });
    assert.deepEqual(await poolQuota(root, paths), unknown);
    await failsWith(
      setPoolLimit(root, paths, 1n),
      'NotSupported',
      /'\/var\/lib\/portables' cannot be limited/,
    );
  });

  it('is named when it cannot be looked at', async () => {
    rmSync(join(root, 'var'), { recursive: true });
    writeFileSync(join(root, 'var'), 'in the way');
    await assert.rejects(poolQuota(root, paths), {
      dbusName: 'System.Error.ENOTDIR',
      message: /cannot look at '\/var\/lib\/portables'/,
    });
  });
});
