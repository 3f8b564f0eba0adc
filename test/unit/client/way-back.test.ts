/** Several images with a daemon that changes one per call, which is played by the engine: what is compared afterwards. */
import assert from 'node:assert/strict';
import { readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import { silentLog } from '../../../src/base/log.ts';
import { systemPaths } from '../../../src/base/host-paths.ts';
import { oneByOne } from '../../../src/client/bus/one-by-one.ts';
import type { OneImage } from '../../../src/client/bus/one-image.ts';
import { attachRequest, detachRequest, portableRoots, unit } from '../../support/portable-root.ts';
import type { PortableRoot } from '../../support/portable-root.ts';

const newRoot = portableRoots('way-back');
const attached = '/etc/systemd/system.attached';
let host: PortableRoot;
beforeEach(() => {
  host = newRoot();
  host.raw('/srv/disk.raw', { '/usr/lib/systemd/system/disk.service': unit });
  host.directory('/srv/tree', {
    '/usr/lib/systemd/system/tree.service': unit,
    '/usr/share/data': 'one',
    '/usr/share/link': { link: 'data' },
  });
  host.directory('/srv/last', { '/usr/lib/systemd/system/last.service': unit });
});

/** Detaches an image and then /srv/last, which fails. @returns what is said */
async function failingDetach(image: string): Promise<string> {
  const { portables } = host;
  const daemon: OneImage = {
    state: (ref) => portables.state(ref),
    inspect: (request) => portables.inspect(request),
    attach: (request) => portables.attach(request),
    detach: async (request) => {
      if (request.image === '/srv/last') throw new Error('it does not want to');
      return portables.detach(request);
    },
    reattach: (request) => portables.reattach(request),
  };
  const local = { root: host.root, paths: systemPaths(), log: silentLog };
  const requests = [detachRequest(image), detachRequest('/srv/last')];
  const error: unknown = await oneByOne(daemon, local)
    .detach(requests)
    .then(
      () => assert.fail('it did not fail'),
      (reason: unknown) => reason,
    );
  assert.ok(error instanceof Error);
  return error.message;
}

/** Writes to a file where it is, without a change of its size. */
function changeLastByte(file: string): void {
  const bytes = readFileSync(file);
  bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
  writeFileSync(file, bytes);
}

const putBack = 'it does not want to\nNothing has been changed: what was, has been put back.';
const notPutBack = (image: string): string => `it does not want to\nNot put back as it was: ${image}.`;

describe('the way back', () => {
  beforeEach(async () => {
    await host.portables.attach(attachRequest('/srv/last'));
  });

  for (const image of ['/srv/disk.raw', '/srv/tree']) {
    it(`puts back the copy of ${image}`, async () => {
      await host.portables.attach(attachRequest(image, { copyMode: 'mixed' }));
      assert.equal(await failingDetach(image), putBack);
    });
  }

  it('notices that a disk image has other bytes than its copy had', async () => {
    await host.portables.attach(attachRequest('/srv/disk.raw', { copyMode: 'mixed' }));
    changeLastByte(host.at('/srv/disk.raw'));
    assert.equal(await failingDetach('/srv/disk.raw'), notPutBack("'/srv/disk.raw'"));
  });

  it('notices a file of another size, or of another time, in a directory', async () => {
    await host.portables.attach(attachRequest('/srv/tree', { copyMode: 'mixed' }));
    writeFileSync(host.at('/srv/tree/usr/share/data'), 'three');
    assert.equal(await failingDetach('/srv/tree'), notPutBack("'/srv/tree'"));
    utimesSync(host.at('/srv/tree/usr/share/data'), 1, 1);
    assert.equal(await failingDetach('/srv/tree'), notPutBack("'/srv/tree'"));
    assert.equal(await failingDetach('/srv/tree'), putBack);
  });

  it('does not read what others have put beside our drop-ins, however large it is', async () => {
    await host.portables.attach(attachRequest('/srv/tree'));
    const others = host.at(`${attached}/tree.service.d/mine.conf`);
    writeFileSync(others, '');
    truncateSync(others, 2 ** 42);
    assert.equal(await failingDetach('/srv/tree'), putBack);
  });

  it('does not read a profile larger than profiles are', async () => {
    await host.portables.attach(attachRequest('/srv/tree', { copyMode: 'copy' }));
    truncateSync(host.at(`${attached}/tree.service.d/10-profile.conf`), 2 ** 42);
    // without a name it could not come back: it is changed last, so nothing is
    assert.equal(await failingDetach('/srv/tree'), 'it does not want to');
  });
});
