/** The adapter to the service manager where there is none, or one that answers nonsense. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect, type BusConnection } from '../../src/dbus/connection.ts';
import { systemdManager } from '../../src/host/systemd1.ts';
import { failsWith } from '../support/fails-with.ts';
import { startBus } from '../support/private-bus.ts';

const bus = await startBus();

describe('the service manager', () => {
  let connection: BusConnection;
  before(async () => {
    connection = await connect({ address: bus.address });
  });
  after(() => connection.close());

  it('is as if nothing were loaded where there is none', async () => {
    const manager = systemdManager(connection);
    assert.equal(await manager.version(), undefined);
    assert.deepEqual(await manager.activeStates(['a.service']), new Map());
    assert.deepEqual(await manager.unitFileStates(['a.service']), new Map());
  });

  it('fails clearly where it answers something else', async () => {
    const impostor = await connect({ address: bus.address });
    impostor.onCall((call) => {
      if (call.member === 'Get') call.reply('v', [{ signature: 'u', value: 1 }]);
      else call.reply('s', ['nonsense']);
    });
    assert.ok(await impostor.requestName('org.freedesktop.systemd1'));
    const manager = systemdManager(connection);
    await failsWith(manager.activeStates(['a.service']), 'Failed', /ListUnitsByPatterns.*type 's'/);
    await failsWith(manager.version(), 'Failed', /Get\(\).*Version of systemd has the type 'u', not 's'/);
    impostor.onCall((call) => {
      call.fail('org.freedesktop.DBus.Error.AccessDenied', 'not you');
    });
    await failsWith(manager.version(), 'Failed', /did not answer Get\(\): not you/);
    await impostor.close();
  });
});
