/** A tree that gets an image attached and enabled while nothing runs in it, and is then booted: the service runs. */
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { execa } from 'execa';

import { bundledPrograms } from '../support/client.ts';
import { hostTree } from './bootstrap.ts';
import { bootHost, type Host } from './host.ts';
import { idleService, writeImageTree, writeSquashfsImage } from './images.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';

const settings = hostSettings(process.env);
const wanted = '[Install]\nWantedBy=multi-user.target\n';
const { program } = await bundledPrograms();

for (const suite of chosenSuites(process.env, ['trixie'])) {
  describe(`a tree with systemd ${suites[suite]} that is booted after portablectl --root`, () => {
    let host: Host;
    let said: string;

    before(async () => {
      const lower = await hostTree(settings, suite);
      host = await bootHost({
        ...settings,
        suite,
        prepare: (overlay) =>
          withTree(lower, overlay, async (tree) => {
            await writeSquashfsImage(path.join(tree, 'srv/app_1.raw'), {
              units: { 'app.service': idleService + wanted },
            });
            await writeImageTree(path.join(tree, 'var/lib/portables/plain'), {
              units: { 'plain.service': idleService + wanted },
            });
            const args = [`--root=${tree}`, 'attach', '/srv/app_1.raw', 'plain', '--enable'];
            const [node, ...start] = program;
            said = (await execa(node, [...start, ...args], { stdin: 'ignore' })).stderr;
          }),
      });
    });
    after(() => host.stop());

    it('runs the services', async () => {
      assert.match(said, /Created symlink '.*multi-user\.target\.wants\/app\.service'/);
      for (const unit of ['app.service', 'plain.service']) {
        const shown = await host.run(['systemctl', 'is-active', unit]);
        assert.equal(
          shown.stdout.trim(),
          'active',
          await host.read(`/etc/systemd/system.attached/${unit}.d/20-portable.conf`),
        );
      }
    });

    it('has drop-ins for the systemd that was in the tree', async () => {
      const dropIn = await host.read('/etc/systemd/system.attached/app.service.d/20-portable.conf');
      assert.match(dropIn, /^RootImage=\/srv\/app_1\.raw$/m);
      assert.equal(/^RootImagePolicy=/m.test(dropIn), suites[suite] >= 254);
    });

    it("is known to systemd's own tools, which take an image off again", async () => {
      const list = await host.check(['portablectl', 'list', '--no-legend']);
      assert.match(list, /^app_1 .*running$/m);
      assert.match(list, /^plain .*running$/m);
      await host.check(['portablectl', 'detach', '--now', '--enable', '/srv/app_1.raw']);
      assert.doesNotMatch(await host.check(['portablectl', 'list', '--no-legend']), /^app_1 /m);
      assert.equal((await host.run(['systemctl', 'is-active', 'app.service'])).stdout.trim(), 'inactive');
    });
  });
}

/** Shows the whole tree of a host before it is booted; what is changed goes into the overlay. */
async function withTree(lower: string, overlay: string, use: (tree: string) => Promise<void>): Promise<void> {
  const [tree, work] = ['offline-tree', 'offline-work'].map((name) => path.join(path.dirname(overlay), name));
  assert.ok(tree !== undefined && work !== undefined);
  for (const directory of [tree, work]) await mkdir(directory);
  const options = `lowerdir=${lower},upperdir=${overlay},workdir=${work}`;
  await execa('mount', ['-t', 'overlay', '-o', options, 'overlay', tree]);
  try {
    await use(tree);
  } finally {
    await execa('umount', [tree]);
    for (const directory of [tree, work]) await rm(directory, { recursive: true });
  }
}
