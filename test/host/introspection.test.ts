/** Our introspection data against systemd's, byte for byte. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { imageInterface } from '../../src/service/image.ts';
import type { Interface } from '../../src/service/interface.ts';
import { introspectionXml } from '../../src/service/introspection.ts';
import { logControlInterface } from '../../src/service/log-control.ts';
import { managerInterface } from '../../src/service/manager.ts';
import { imagePath, imagesPath, logControlPath, managerPath } from '../../src/service/paths.ts';
import { bootHost } from './host.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';

const settings = hostSettings(process.env);
const objects: readonly (readonly [string, Interface<never> | undefined, readonly string[]])[] = [
  ['/', undefined, ['org']],
  ['/org', undefined, ['freedesktop']],
  ['/org/freedesktop', undefined, ['LogControl1', 'portable1']],
  [managerPath, managerInterface, ['image']],
  [imagesPath, undefined, ['_31_c3_bc', 'minimal_5f1']],
  [imagePath('minimal_1'), imageInterface, []],
  [logControlPath, logControlInterface, []],
];

for (const suite of chosenSuites(process.env, ['forky'])) {
  describe(`introspection data of systemd ${suites[suite]}`, () => {
    it('is ours', async () => {
      await using host = await bootHost({ ...settings, suite });
      for (const name of ['minimal_1', '1ü'])
        await host.write(`/var/lib/portables/${name}/usr/lib/os-release`, 'ID=x\n');
      const bus = await host.bus();
      for (const [path, description, children] of objects) {
        const [xml] = await bus.get({
          path,
          interface: 'org.freedesktop.DBus.Introspectable',
          member: 'Introspect',
        });
        assert.equal(introspectionXml(description, children), xml, path);
      }
      await bus.close();
    });
  });
}
