import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { describe, it, mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemPaths } from '../../../src/base/host-paths.ts';
import { attachRequest, portableRoots, unit } from '../../support/portable-root.ts';

const newRoot = portableRoots('attachments');

/** How many directories and files `work` reads; asking whether they have changed is not counted. */
async function reads(work: () => Promise<unknown>): Promise<{ directories: number; files: number }> {
  const [readdir, open] = [mock.method(fs, 'readdirSync'), mock.method(fs, 'openSync')];
  syncBuiltinESMExports();
  try {
    await work();
    return { directories: readdir.mock.callCount(), files: open.mock.callCount() };
  } finally {
    mock.restoreAll();
    syncBuiltinESMExports();
  }
}

describe('what is attached', () => {
  it('is read once, and again whatever way it changes', async () => {
    const host = newRoot();
    for (const name of ['one', 'two']) {
      host.directory(`/srv/${name}`, { [`/usr/lib/systemd/system/${name}.service`]: unit });
      await host.portables.attach(attachRequest(`/srv/${name}`));
    }
    const attached = path.join(host.root, systemPaths().attached.persistent);
    const dropIn = path.join(attached, 'one.service.d/20-portable.conf');
    const states = () =>
      Promise.all(
        ['/srv/one', '/srv/two', '/srv/six'].map((image) => host.portables.state({ image, extensions: [] })),
      );
    const settled = () => sleep(2100);

    await settled();
    await states();
    assert.deepEqual(await reads(states), { directories: 0, files: 0 });
    assert.deepEqual(await states(), ['attached', 'attached', 'detached']);

    // by hand, in place, as long as before
    fs.writeFileSync(dropIn, fs.readFileSync(dropIn, 'utf8').replaceAll('/srv/one', '/srv/six'));
    assert.deepEqual(await states(), ['detached', 'attached', 'attached']);
    await settled();
    await states();
    assert.deepEqual(await reads(states), { directories: 0, files: 0 });
    // another file in its place, that says it is as old
    const { atime, mtime } = fs.statSync(dropIn);
    fs.writeFileSync(`${dropIn}~`, fs.readFileSync(dropIn, 'utf8').replaceAll('/srv/six', '/srv/one'));
    fs.utimesSync(`${dropIn}~`, atime, mtime);
    fs.renameSync(`${dropIn}~`, dropIn);
    assert.deepEqual(await states(), ['attached', 'attached', 'detached']);

    fs.rmSync(dropIn);
    assert.deepEqual(await states(), ['detached', 'attached', 'detached']);
    await host.portables.detach({ image: '/srv/two', extensions: [], runtime: false, force: false });
    assert.deepEqual(await states(), ['detached', 'detached', 'detached']);
    await host.portables.attach(attachRequest('/srv/two'));
    assert.deepEqual(await states(), ['detached', 'attached', 'detached']);
    fs.rmSync(attached, { recursive: true });
    assert.deepEqual(await states(), ['detached', 'detached', 'detached']);
  });
});
