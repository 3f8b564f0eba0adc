import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BusError } from '../../src/dbus/bus-error.ts';
import { connect, type BusConnection } from '../../src/dbus/connection.ts';
import type { IncomingCall } from '../../src/dbus/incoming-call.ts';
import { EncodeError } from '../../src/dbus/encode.ts';
import { messageFlag, messageType } from '../../src/dbus/message.ts';
import type { Value } from '../../src/dbus/signature.ts';
import { answerHello, startFakeBus } from '../support/fake-bus.ts';
import { busctl, runAs, startBus } from '../support/private-bus.ts';
import { scratchDirectory } from '../support/scratch.ts';

const driver = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function named(dbusName: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof BusError, String(error));
    assert.equal(error.dbusName, `org.freedesktop.DBus.Error.${dbusName}`, error.message);
    return true;
  };
}

const bus = await startBus();

describe('a connection to a bus', () => {
  let server: BusConnection;
  let client: BusConnection;
  let handler: (call: IncomingCall) => void;
  const method = { destination: 'org.example.Server', path: '/a', interface: 'org.example', member: 'Echo' };

  before(async () => {
    server = await connect({ address: bus.address });
    client = await connect({ address: bus.address });
    server.onCall((call) => {
      handler(call);
    });
    assert.ok(await server.requestName(method.destination));
  });

  after(async () => {
    await Promise.all([server.close(), client.close()]);
  });

  it('carries values both ways', async () => {
    handler = (call) => {
      call.reply(call.signature, call.values(call.signature));
    };
    const signature = 'saya{say}(xt)va{sv}ad';
    const values = [
      'é',
      Buffer.from('bytes'),
      new Map([['unit', Buffer.alloc(100_000, 7)]]),
      [-(1n << 63n), (1n << 64n) - 1n],
      { signature: 'a(ss)', value: [['a', 'b']] },
      new Map([['k', { signature: 'v', value: { signature: 'u', value: 3 } }]]),
      [1.5],
    ] as const;
    const reply = await client.call(method, signature, values);
    assert.deepEqual(reply.values(signature), values);
  });

  it('is understood by busctl', async () => {
    handler = (call) => {
      call.reply('a(sa{sv})t', [
        [['x', new Map([['y', { signature: 'ay', value: Buffer.from([1, 2]) }]])]],
        (1n << 63n) + 1n,
      ]);
    };
    const args = [
      'call',
      method.destination,
      method.path,
      method.interface,
      method.member,
      'sas',
      'a',
      '2',
      'b',
      'c',
    ];
    assert.deepEqual(await busctl(bus, args), {
      type: 'a(sa{sv})t',
      data: [[['x', { y: { type: 'ay', data: [1, 2] } }]], JSON.parse('9223372036854775809')],
    });
  });

  it('gives the name and text of errors', async () => {
    handler = (call) => {
      call.fail('org.example.Error.Bad', `bad \0 \ud800 ${'x'.repeat(100_000)}`);
    };
    await assert.rejects(client.call(method, '', []), (error) => {
      assert.ok(error instanceof BusError);
      assert.equal(error.dbusName, 'org.example.Error.Bad');
      assert.match(error.message, /^bad \ufffd \ufffd x+$/);
      return true;
    });
    await assert.rejects(
      client.call({ ...method, destination: 'org.example.Nobody' }, '', []),
      named('ServiceUnknown'),
    );
  });

  it('refuses to send what does not fit', async () => {
    handler = (call) => {
      assert.throws(() => {
        call.reply('s', [1]);
      }, EncodeError);
      assert.throws(() => {
        call.reply('ay', [Buffer.alloc(40 << 20)]);
      }, EncodeError);
      call.reply('', []);
    };
    await client.call(method, '', []);
    await assert.rejects(client.call(method, 'ay', [Buffer.alloc(40 << 20)]), EncodeError);
    await assert.rejects(client.call(method, 'as', ['a'] as never), EncodeError);
  });

  it('checks what is answered', async () => {
    handler = (call) => {
      call.reply('u', [1]);
    };
    const reply = await client.call(method, '', []);
    assert.throws(() => reply.values('s'), /org\.example\.Server to Echo has the type 'u', not 's'/);
  });

  it('stops waiting when told to, or when time is up', async () => {
    const calls: IncomingCall[] = [];
    handler = (call) => calls.push(call);
    const controller = new AbortController();
    const aborted = client.call(method, '', [], { signal: controller.signal });
    await assert.rejects(client.call(method, '', [], { timeoutMs: 50 }), named('NoReply'));
    controller.abort(new Error('enough'));
    await assert.rejects(aborted, /enough/);
    await assert.rejects(client.call(method, '', [], { signal: controller.signal }), /enough/);
    // answers that come too late disturb nobody
    for (const call of calls) call.reply('s', ['late']);
    assert.ok((await client.call({ ...driver, member: 'GetId' }, '', [])).values('s'));
  });

  it('answers for a handler that throws', async () => {
    handler = () => {
      throw new Error('secret');
    };
    await assert.rejects(client.call(method, '', []), (error) => {
      assert.ok(error instanceof BusError);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });

  it('delivers the signals asked for, from the sender asked for', async () => {
    const seen: string[] = [];
    const leaver = await connect({ address: bus.address });
    const stop = await client.onSignal(
      {
        sender: driver.destination,
        interface: driver.interface,
        member: 'NameOwnerChanged',
        arg0: leaver.uniqueName,
      },
      (signal) => seen.push(signal.values('sss').join()),
    );
    // somebody else's signal of that name is not the bus's
    const forged = [
      'emit',
      `--destination=${client.uniqueName}`,
      driver.path,
      driver.interface,
      'NameOwnerChanged',
    ];
    await busctl(bus, [...forged, 'sss', leaver.uniqueName, leaver.uniqueName, '']);
    const unrelated = await connect({ address: bus.address });
    await unrelated.close();
    await client.call({ ...driver, member: 'GetId' }, '', []);
    assert.deepEqual(seen, []);
    await leaver.close();
    while (seen.length === 0) await sleep(5);
    assert.deepEqual(seen, [`${leaver.uniqueName},${leaver.uniqueName},`]);
    stop();
    stop();
  });

  it('asks for names and gives them back', async () => {
    assert.equal(await client.requestName(method.destination), false);
    assert.equal(await server.requestName(method.destination), true);
    await server.releaseName(method.destination);
    assert.equal(await client.requestName(method.destination), true);
    await client.releaseName(method.destination);
    assert.ok(await server.requestName(method.destination));
  });

  it('is found under the name until the name is given back, and answers what came before', async () => {
    handler = (call) => {
      setTimeout(() => {
        call.reply('s', ['done']);
      }, 50);
    };
    const before = client.call(method, '', []);
    await sleep(10);
    await server.releaseName(method.destination);
    await assert.rejects(client.call(method, '', []), named('ServiceUnknown'));
    assert.deepEqual((await before).values('s'), ['done']);
    assert.ok(await server.requestName(method.destination));
  });

  it('hands everything to the kernel before it closes', async () => {
    const other = await connect({ address: bus.address });
    other.onCall((call) => {
      call.reply('ay', [Buffer.alloc(5 << 20)]);
      void other.close();
    });
    const reply = await client.call({ ...method, destination: other.uniqueName }, '', []);
    assert.equal(reply.values('ay')[0].length, 5 << 20);
    assert.equal(await other.closed, undefined);
    await other.flush();
    await assert.rejects(other.call({ ...driver, member: 'GetId' }, '', []), named('Disconnected'));
  });

  it('keeps nothing of the calls it made', async () => {
    handler = (call) => {
      call.reply('ay', [Buffer.alloc(1000)]);
    };
    const used = async (): Promise<number> => {
      for (let n = 0; n < 3000; n++) await client.call(method, 'ay', [Buffer.alloc(1000)]);
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    await used();
    const first = await used();
    const second = await used();
    // 3,000 calls that kept as little as their arguments would be 3 MB
    assert.ok(second - first < 2_000_000, `${second - first} bytes more`);
  });

  it('works for other users', async () => {
    handler = (call) => {
      call.reply('s', [call.sender]);
    };
    const output = await runAs(
      65534,
      ['busctl', `--address=${bus.address}`, 'call', method.destination, '/a', 'a.b', 'C'],
      {},
    );
    assert.match(output, /^s ":1\.\d+"/);
  });
});

describe('a connection to a bus that goes away', () => {
  it('says so, and ends every call that waits', async () => {
    const doomed = await startBus();
    const connection = await connect({ address: doomed.address });
    const silent = await connect({ address: doomed.address });
    silent.onCall(() => undefined);
    const call = { destination: silent.uniqueName, path: '/a', interface: 'a.b', member: 'C' };
    const waiting = connection.call(call, '', [], { timeoutMs: Infinity });
    await sleep(20);
    await Promise.all([doomed.kill(), assert.rejects(waiting, named('Disconnected'))]);
    assert.ok((await connection.closed) instanceof Error);
    assert.ok((await silent.closed) instanceof Error);
    await assert.rejects(connection.call(call, '', []), named('Disconnected'));
    await connection.flush();
    await connection.close();
  });

  it('cannot be made where there is none', async () => {
    const path = join(scratchDirectory('no-bus'), 'socket');
    await assert.rejects(connect({ address: `unix:path=${path}` }), named('Disconnected'));
    await assert.rejects(connect({ address: '' }), /empty/);
    const second = await connect({ address: `unix:path=${path};tcp:host=nowhere;${bus.address}` });
    assert.match(second.uniqueName, /^:1\.\d+$/);
    await second.close();
  });

  it('cannot be made to one that refuses, garbles or forgets us', async () => {
    const refusing = await startFakeBus(() => undefined, 'REJECTED EXTERNAL\r\n');
    await assert.rejects(connect({ address: refusing, timeoutMs: 2000 }), BusError);
    const full = await startFakeBus((message, peer) => {
      const errorName = 'org.freedesktop.DBus.Error.LimitsExceeded';
      peer.send({ type: messageType.error, replySerial: message.serial, errorName, signature: 's' }, [
        'too many',
      ]);
    });
    await assert.rejects(connect({ address: full }), /LimitsExceeded/);
    const garbling = await startFakeBus((_, peer) => {
      peer.sendBytes(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    await assert.rejects(connect({ address: garbling }), named('Disconnected'));
    const hangingUp = await startFakeBus((_, peer) => {
      peer.hangUp();
    });
    await assert.rejects(connect({ address: hangingUp }), named('Disconnected'));
    const silent = await startFakeBus(() => undefined);
    await assert.rejects(connect({ address: silent, timeoutMs: 100 }), named('NoReply'));
    const mute = createServer(() => undefined);
    const path = join(scratchDirectory('mute'), 'socket');
    await once(mute.listen(path), 'listening');
    await assert.rejects(connect({ address: `unix:path=${path}`, timeoutMs: 100 }), named('NoReply'));
    mute.close();
  });
});

describe('what a bus should not send', () => {
  it('is ignored: unknown types, answers to nothing, answers from others', async () => {
    const address = await startFakeBus((message, peer) => {
      if (answerHello(message, peer)) return;
      const answer = { replySerial: message.serial, signature: 's' };
      peer.send({ type: 5, ...answer }, ['unknown type']);
      peer.send({ type: messageType.return, ...answer, replySerial: message.serial + 1000 }, ['never asked']);
      peer.send({ type: messageType.return, ...answer, replySerial: undefined }, ['without serial']);
      peer.send({ type: messageType.return, ...answer, sender: ':1.66' }, ['somebody else']);
      peer.send({ type: messageType.error, ...answer, sender: ':1.66', errorName: 'a.b' }, ['somebody else']);
      peer.send({ type: messageType.return, ...answer }, ['the bus']);
      peer.send({ type: messageType.return, ...answer }, ['once more']);
    });
    const connection = await connect({ address });
    const reply = await connection.call({ ...driver, member: 'GetId' }, '', []);
    assert.deepEqual(reply.values('s'), ['the bus']);
    assert.deepEqual((await connection.call({ ...driver, member: 'GetId' }, '', [])).values('s'), [
      'the bus',
    ]);
    await connection.close();
  });

  it('is passed over: bodies of 60 MiB that nobody asked for', async () => {
    const address = await startFakeBus((message, peer) => {
      if (answerHello(message, peer)) return;
      const body: Value[] = [Buffer.alloc(60 << 20)];
      const target = { path: '/', interface: 'a.b', member: 'C', sender: ':1.66', signature: 'ay' };
      peer.send({ type: messageType.call, flags: messageFlag.noReplyExpected, ...target }, body);
      peer.send({ type: messageType.signal, ...target }, body);
      peer.send({ type: messageType.return, replySerial: 4711, signature: 'ay' }, body);
      peer.send({ type: messageType.return, replySerial: message.serial, signature: 's' }, ['still here']);
    });
    const connection = await connect({ address });
    const sizes: number[] = [];
    connection.onCall((call) => {
      sizes.push(call.oversized ? call.size : -1);
      assert.throws(() => call.values('ay'));
    });
    assert.deepEqual((await connection.call({ ...driver, member: 'GetId' }, '', [])).values('s'), [
      'still here',
    ]);
    assert.deepEqual(sizes, [(60 << 20) + 4]);
    await connection.close();
  });
});
