/** What our own client asks of our daemon: several images at once, and how far copies are; nobody else notices. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { connect, type BusConnection } from '../../src/dbus/connection.ts';
import type { Reply } from '../../src/dbus/reply.ts';
import type { ValuesOf } from '../../src/dbus/signature.ts';
import { busName, managerPath, togetherPath } from '../../src/service/paths.ts';
import { togetherInterface } from '../../src/service/together.ts';
import { startBus } from '../support/private-bus.ts';
import { serveFake, type ServedFake } from '../support/serve-fake.ts';

const bus = await startBus();
const standard = 'org.freedesktop.DBus';
let served: ServedFake;
let client: BusConnection;
let bystander: BusConnection;

before(async () => {
  served = await serveFake(bus);
  client = await connect({ address: bus.address });
  bystander = await connect({ address: bus.address });
});
after(async () => {
  for (const each of [client, bystander, served.connection]) await each.close();
});
afterEach(() => {
  served.engine.asked.length = 0;
  served.authority.asked.length = 0;
  served.authority.allow = true;
});

const ask = <S extends string>(member: string, signature: S, args: ValuesOf<S>): Promise<Reply> =>
  client.call(
    { destination: busName, path: togetherPath, interface: togetherInterface.name, member },
    signature,
    args,
  );
const attaching = (image: string, flags = 0n) =>
  [image, ['/ext.raw'], ['unit'], 'strict', 'mixed', flags] as const;
const request = {
  extensions: ['/ext.raw'],
  matches: ['unit'],
  profile: 'strict',
  copyMode: 'mixed',
  runtime: false,
  force: false,
  forceExtension: false,
};

describe('several images in one call', () => {
  it('are one call of the engine, each authorized, each with its changes', async () => {
    const reply = await ask('Attach', 'a(sasassst)b', [[attaching('one'), attaching('two')], false]);
    assert.deepEqual(
      reply.values('aa(sss)')[0].map((changes) => changes.length),
      [2, 2],
    );
    assert.deepEqual(served.engine.asked, [
      [
        'attachAll',
        [
          { ...request, image: 'one' },
          { ...request, image: 'two' },
        ],
      ],
    ]);
    assert.deepEqual(served.authority.asked, ['attach-images one false', 'attach-images two false']);
  });

  it('are detached and reattached in the same way', async () => {
    await ask('Detach', 'a(sast)b', [
      [
        ['one', [], 1n],
        ['two', ['/ext.raw'], 3n],
      ],
      false,
    ]);
    const reply = await ask('Reattach', 'a(sasassst)b', [[attaching('one', 7n)], false]);
    const [[removed, updated] = []] = reply.values('a(a(sss)a(sss))')[0];
    assert.deepEqual([removed?.length, updated?.length], [0, 2]);
    assert.deepEqual(served.engine.asked, [
      [
        'detachAll',
        [
          { image: 'one', extensions: [], runtime: true, force: false },
          { image: 'two', extensions: ['/ext.raw'], runtime: true, force: true },
        ],
      ],
      ['reattachAll', [{ ...request, image: 'one', runtime: true, force: true, forceExtension: true }]],
    ]);
  });

  it('are all refused when one is', async () => {
    await assert.rejects(ask('Attach', 'a(sasassst)b', [[attaching('one'), attaching('../x')], false]), /x/);
    await assert.rejects(ask('Detach', 'a(sast)b', [[], false]), /no image/);
    served.authority.allow = false;
    await assert.rejects(ask('Detach', 'a(sast)b', [[['one', [], 0n]], false]), /no/);
    assert.deepEqual(served.engine.asked, []);
  });

  it('tell the caller, and nobody else, how far copies are, if that is wanted', async () => {
    const signals: unknown[] = [];
    const match = {
      sender: served.connection.uniqueName,
      path: togetherPath,
      interface: togetherInterface.name,
      member: 'Copying',
    };
    await client.onSignal(match, (signal) => signals.push(signal.values('stt')));
    await bystander.onSignal(match, () => signals.push('a bystander heard it'));
    const { attachAll } = served.engine;
    served.engine.attachAll = (requests, how) => {
      how?.copying?.({ path: '/etc/portables/one', done: 5, total: 10 });
      how?.copying?.({ path: '/etc/portables/one', done: 7, total: undefined });
      return attachAll(requests, how);
    };
    await ask('Attach', 'a(sasassst)b', [[attaching('one')], false]);
    assert.deepEqual(signals, []);
    await ask('Attach', 'a(sasassst)b', [[attaching('one')], true]);
    await bystander.call({ destination: standard, path: '/', interface: standard, member: 'GetId' }, '', []);
    assert.deepEqual(signals, [
      ['/etc/portables/one', 5n, 10n],
      ['/etc/portables/one', 7n, 0n],
    ]);
  });
});

describe('whoever looks around', () => {
  const look = (path: string, iface: string, member: string): Promise<Reply> =>
    client.call({ destination: busName, path, interface: `${standard}.${iface}`, member }, '', []);

  it('finds nothing of it', async () => {
    for (const path of ['/', '/org', '/org/freedesktop', managerPath]) {
      const [xml] = (await look(path, 'Introspectable', 'Introspect')).values('s');
      assert.doesNotMatch(xml, /portabled|ogether/);
    }
    for (const path of [togetherPath, '/portabled'])
      await assert.rejects(look(path, 'Introspectable', 'Introspect'), /unknown object/);
    await assert.rejects(
      client.call(
        { destination: busName, path: managerPath, interface: togetherInterface.name, member: 'Detach' },
        'a(sast)b',
        [[], false],
      ),
      { dbusName: `${standard}.Error.UnknownMethod` },
    );
  });
});
