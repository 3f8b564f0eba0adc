import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { openPortables, PortableError } from '../../src/index.ts';
import { attachRequest, detachRequest, imageContent, unit, writeTree } from '../support/portable-root.ts';
import { scratchDirectory } from '../support/scratch.ts';

const root = scratchDirectory('library');
const shipped = path.join(import.meta.dirname, '../../systemd/profile');

describe('the library', () => {
  it('lists, inspects, attaches and detaches without a daemon, a bus, or a systemd', async () => {
    writeTree(
      path.join(root, 'var/lib/portables/app'),
      imageContent({ '/usr/lib/systemd/system/app.service': unit }),
    );
    mkdirSync(path.join(root, 'run'));
    const portables = openPortables({ root });
    assert.deepEqual(
      (await portables.listImages()).map(({ image, state }) => [image.name, image.path, state]),
      [['app', '/var/lib/portables/app', 'detached']],
    );
    const { units } = await portables.inspect({
      image: 'app',
      extensions: [],
      matches: [],
      forceExtension: false,
    });
    assert.deepEqual([...units.keys()], ['app.service']);
    cpSync(shipped, path.join(root, 'usr/lib/systemd/portable/profile'), { recursive: true });
    assert.deepEqual(await portables.profiles(), ['default', 'nonetwork', 'strict', 'trusted']);
    const changes = await portables.attach(attachRequest('app', { copyMode: 'copy' }));
    assert.ok(changes.every((change) => change.path.startsWith('/etc/systemd/system.attached')));
    assert.ok(existsSync(path.join(root, 'etc/systemd/system.attached/app.service.d/10-profile.conf')));
    await portables.detach(detachRequest('app'));
    assert.ok(!existsSync(path.join(root, 'etc/systemd/system.attached')));
  });

  it('fails with errors that can be told apart', async () => {
    await assert.rejects(
      openPortables({ root }).findByName('nope'),
      (error) => error instanceof PortableError && error.code === 'NoSuchImage' && error.file === 'nope',
    );
  });
});
