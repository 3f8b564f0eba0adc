/** dbus/org.freedesktop.portable1.conf on a bus that is otherwise configured like the system bus. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { imageInterface } from '../../src/service/image.ts';
import type { Interface } from '../../src/service/interface.ts';
import { managerInterface } from '../../src/service/manager.ts';
import { busName, imagePath, logControlPath, managerPath, togetherPath } from '../../src/service/paths.ts';
import { togetherInterface } from '../../src/service/together.ts';
import { runAs, startBus } from '../support/private-bus.ts';
import { serveFake, type ServedFake } from '../support/serve-fake.ts';

const conf = fileURLToPath(new URL('../../dbus/org.freedesktop.portable1.conf', import.meta.url));
const nobody = 65534;

/** The defaults of the system bus: who has no leave to own or call may not. */
const bus = await startBus(`<policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
  </policy>
  <include>${conf}</include>`);

/** What a user gets who calls without arguments: the bus's refusal, or something of ours. */
async function callAsNobody(path: string, iface: string, member: string): Promise<string> {
  const command = ['busctl', `--address=${bus.address}`, 'call', busName, path, iface, member];
  try {
    return await runAs(nobody, command, { LC_ALL: 'C' });
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr);
  }
}

/** sd-bus clients print this for AccessDenied; our fakes never say it. */
const refused = /Access denied/;

describe('the bus policy', () => {
  let served: ServedFake;
  before(async () => {
    served = await serveFake(bus);
  });
  after(() => served.connection.close());

  const objects: readonly (readonly [string, Interface<never>])[] = [
    [managerPath, managerInterface],
    [imagePath('minimal_1'), imageInterface],
    [togetherPath, togetherInterface],
  ];
  for (const [path, { name, methods }] of objects) {
    it(`lets users reach every method of ${name}, and no other`, async () => {
      for (const member of Object.keys(methods))
        assert.doesNotMatch(await callAsNobody(path, name, member), refused, member);
      assert.match(await callAsNobody(path, name, 'Nope'), refused);
    });
  }

  it('lets users look around', async () => {
    for (const path of [managerPath, logControlPath, '/']) {
      assert.match(await callAsNobody(path, 'org.freedesktop.DBus.Introspectable', 'Introspect'), /<node>/);
      assert.doesNotMatch(await callAsNobody(path, 'org.freedesktop.DBus.Peer', 'Ping'), refused);
    }
    const get = [
      'busctl',
      `--address=${bus.address}`,
      'get-property',
      busName,
      managerPath,
      managerInterface.name,
      'PoolPath',
    ];
    assert.equal(await runAs(nobody, get, {}), 's "/var/lib/portables"\n');
  });

  it('lets only root own the name', async () => {
    const request = [
      'call',
      'org.freedesktop.DBus',
      '/',
      'org.freedesktop.DBus',
      'RequestName',
      'su',
      busName,
      '0',
    ];
    await assert.rejects(
      runAs(nobody, ['busctl', `--address=${bus.address}`, ...request], { LC_ALL: 'C' }),
      refused,
    );
  });
});
