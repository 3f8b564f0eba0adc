import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { failsWith } from '../../support/fails-with.ts';
import { attachRequest, portableRoots, unit } from '../../support/portable-root.ts';
import type { PortableRoot } from '../../support/portable-root.ts';

const newRoot = portableRoots('extension-inspect');
let host: PortableRoot;
beforeEach(() => {
  host = newRoot();
  host.directory('/srv/app', { '/usr/lib/systemd/system/app.service': unit });
});

const inspect = (extension: string) =>
  host.portables.inspect({ image: '/srv/app', extensions: [extension], matches: [], forceExtension: false });
const release = (name: string): string => `/usr/lib/extension-release.d/extension-release.${name}`;

describe('an extension that does not fit', () => {
  it('can be inspected, and not attached', async () => {
    host.directory('/srv/ext', { [release('ext')]: 'ID=another\n' });
    const found = await inspect('/srv/ext');
    assert.deepEqual([...found.extensions], [['/srv/ext', Buffer.from('ID=another\n')]]);
    const attaching = host.portables.attach(attachRequest('/srv/app', { extensions: ['/srv/ext'] }));
    await failsWith(attaching, 'Stale', /ID=another/);
  });
});

describe('an extension without an extension-release of its name', () => {
  it('lacks a file as a directory, and is no medium as a disk image', async () => {
    host.directory('/srv/ext', { [release('other')]: 'ID=_any\n' });
    host.raw('/srv/ext.raw', { [release('other')]: 'ID=_any\n' });
    await failsWith(inspect('/srv/ext'), 'FileNotFound', /extension-release\.ext/);
    await failsWith(inspect('/srv/ext.raw'), 'NoMedium', /extension-release\.ext/);
  });
});
