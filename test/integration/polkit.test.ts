/** Authorization by a real polkitd, for callers of another user. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type BusConnection } from '../../src/dbus/connection.ts';
import { polkitAuthority } from '../../src/host/polkit.ts';
import { busName, logControlPath, managerPath } from '../../src/service/paths.ts';
import { startPolkitd, type Polkitd } from '../support/polkitd.ts';
import { startBus } from '../support/private-bus.ts';
import { RawBusClient } from '../support/raw-bus-client.ts';
import { serveFake, type ServedFake } from '../support/serve-fake.ts';
import { startCaller } from '../support/unprivileged-caller.ts';

const nobody = 65534;
const E = 'org.freedesktop.DBus.Error.';
const manager = { destination: busName, path: managerPath, interface: 'org.freedesktop.portable1.Manager' };
const remove = (image: string, interactive = false) => ({
  ...manager,
  member: 'RemoveImage',
  signature: 's',
  args: [image],
  interactive,
});

/** What the image is called decides, which also shows that polkit is told. Root must never be asked. */
const rules = `polkit.addRule(function (action, subject) {
  if (subject.user == "root") return polkit.Result.NO;
  if (action.id == "org.freedesktop.portable1.attach-images") return polkit.Result.YES;
  if (action.lookup("image") == "free") return polkit.Result.YES;
  if (action.lookup("image") == "forbidden") return polkit.Result.NO;
  return polkit.Result.NOT_HANDLED;
});`;

const bus = await startBus();
const user = await startCaller(bus.address, nobody);

describe('authorization by polkit', () => {
  let connection: BusConnection;
  let served: ServedFake;
  let polkitd: Polkitd | undefined;
  let root: RawBusClient;

  before(async () => {
    connection = await connect({ address: bus.address });
    served = await serveFake(bus, { authority: polkitAuthority(connection) });
    root = await RawBusClient.connect(bus.address);
  });
  after(async () => {
    await polkitd?.stop();
    root.close();
    await served.connection.close();
    await connection.close();
  });

  const rootRemoves = async (image: string): Promise<string | undefined> => {
    const reply = await root.call({ ...manager, member: 'RemoveImage', signature: 's' }, [image]);
    return reply.errorName;
  };

  it('without polkit: only root', async () => {
    assert.equal(await user.call(remove('free')), `${E}AccessDenied`);
    assert.equal(await rootRemoves('forbidden'), undefined);
  });

  it('with polkit', async (t) => {
    polkitd = await startPolkitd(bus, rules, connection);

    await t.test('root is not even asked for', async () => {
      assert.equal(await rootRemoves('forbidden'), undefined);
    });

    await t.test('what a rule allows is done', async () => {
      served.engine.asked.length = 0;
      assert.equal(await user.call(remove('free')), undefined);
      assert.deepEqual(served.engine.asked, [['remove', 'free']]);
      const detach = {
        ...manager,
        member: 'DetachImageWithExtensions',
        signature: 'sast',
        interactive: false,
      };
      assert.equal(await user.call({ ...detach, args: ['forbidden', [], 0n] }), undefined);
    });

    await t.test('what a rule forbids is denied, interactive or not', async () => {
      assert.equal(await user.call(remove('forbidden')), `${E}AccessDenied`);
      assert.equal(await user.call(remove('forbidden', true)), `${E}AccessDenied`);
    });

    await t.test('what needs a password is refused without an agent', async () => {
      assert.equal(await user.call(remove('other')), `${E}InteractiveAuthorizationRequired`);
      assert.equal(await user.call(remove('other', true)), `${E}InteractiveAuthorizationRequired`);
    });

    await t.test('the log is turned up by root only', async () => {
      const set = {
        destination: busName,
        path: logControlPath,
        interface: 'org.freedesktop.DBus.Properties',
        member: 'Set',
        signature: 'ssv',
        args: ['org.freedesktop.LogControl1', 'LogLevel', { signature: 's', value: 'debug' }],
      };
      assert.equal(await user.call({ ...set, interactive: true }), `${E}AccessDenied`);
      assert.equal((await root.call(set, set.args)).errorName, undefined);
    });
  });

  it('with somebody to ask', async (t) => {
    user.order({ kind: 'register-agent' });
    await user.told('registered');

    await t.test('is refused unless the call allows it', async () => {
      assert.equal(await user.call(remove('other')), `${E}InteractiveAuthorizationRequired`);
    });

    await t.test('keeps nobody waiting, and is taken back when the caller leaves', async () => {
      served.engine.asked.length = 0;
      user.order({ kind: 'call', ...remove('other', true) });
      await user.told('agent-asked');
      assert.equal(served.service.busy, 1);
      assert.equal(await rootRemoves('mine'), undefined);
      user.order({ kind: 'leave' });
      await user.told('agent-cancelled');
      await served.service.drained();
      assert.deepEqual(served.engine.asked, [['remove', 'mine']]);
    });

    await t.test('a caller that is killed leaves nothing behind', async () => {
      const other = await startCaller(bus.address, nobody);
      other.order({ kind: 'register-agent' });
      await other.told('registered');
      other.order({ kind: 'call', ...remove('other', true) });
      await other.told('agent-asked');
      other.kill();
      await served.service.drained();
    });
  });

  it('when polkit stops in the middle of it', async () => {
    const other = await startCaller(bus.address, nobody);
    other.order({ kind: 'register-agent' });
    await other.told('registered');
    other.order({ kind: 'call', ...remove('other', true) });
    await other.told('agent-asked');
    await polkitd?.stop();
    assert.equal((await other.told('answered')).error, `${E}AccessDenied`);
    assert.equal(await other.call(remove('free')), `${E}AccessDenied`);
    assert.equal(await rootRemoves('free'), undefined);
    await sleep(20);
    assert.equal(served.service.busy, 0);
  });
});
