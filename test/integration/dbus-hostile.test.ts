/** Nothing a caller sends may end the service, make it wait, or cost it memory; every valid call is answered. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { encodeMessage, messageFlag, messageType, type Header } from '../../src/dbus/message.ts';
import { busName, imagePath, managerPath } from '../../src/service/paths.ts';
import { startBus } from '../support/private-bus.ts';
import { Random } from '../support/random.ts';
import { RawBusClient } from '../support/raw-bus-client.ts';
import { serveFake, type ServedFake } from '../support/serve-fake.ts';

const manager = 'org.freedesktop.portable1.Manager';
const properties = 'org.freedesktop.DBus.Properties';
const target = { destination: busName, path: managerPath, interface: manager };
const peer = { destination: busName, path: '/', interface: 'org.freedesktop.DBus.Peer', member: 'Ping' };
const E = 'org.freedesktop.DBus.Error.';

const bus = await startBus();

describe('hostile messages', () => {
  let served: ServedFake;
  let client: RawBusClient;

  before(async () => {
    served = await serveFake(bus);
    client = await RawBusClient.connect(bus.address);
  });
  after(async () => {
    client.close();
    await served.connection.close();
  });

  /** The service answers, and nothing is left to do. */
  async function assertWell(): Promise<void> {
    const asker = await RawBusClient.connect(bus.address);
    assert.equal((await asker.call(peer)).type, messageType.return);
    asker.close();
    while (served.service.busy > 0) await sleep(5);
  }

  it('file descriptors that are not there', async () => {
    const method = { ...target, member: 'GetImage', signature: 'h' };
    assert.equal((await client.call(method, [0])).errorName, `${E}InvalidArgs`);
    const set = {
      destination: busName,
      path: managerPath,
      interface: properties,
      member: 'Set',
      signature: 'ssv',
    };
    const reply = await client.call(set, [manager, 'PoolPath', { signature: 'ah', value: [0, 7] }]);
    assert.equal(reply.errorName, `${E}PropertyReadOnly`);
    const log = { ...set, path: '/org/freedesktop/LogControl1' };
    const body = ['org.freedesktop.LogControl1', 'LogLevel', { signature: 'h', value: 7 }];
    assert.equal((await client.call(log, body)).errorName, `${E}InvalidArgs`);
    client.sendMessage({ ...target, type: messageType.signal, member: 'S', signature: 'ah' }, [[0]]);
    await assertWell();
  });

  it('types of message that nobody knows', async () => {
    const stranger = await RawBusClient.connect(bus.address);
    stranger.sendMessage({ ...target, type: 77, member: 'GetImage', signature: 's' }, ['x']);
    await sleep(20);
    stranger.close();
    await assertWell();
  });

  it('answers to questions that were never asked', async () => {
    for (let replySerial = 1; replySerial < 40; replySerial++) {
      const answer = { destination: served.connection.uniqueName, replySerial, signature: 'as' };
      client.sendMessage({ ...answer, type: messageType.return }, [['x']]);
      client.sendMessage({ ...answer, type: messageType.error, errorName: 'a.b' }, [['x']]);
    }
    await assertWell();
  });

  it('signals of the bus that somebody else sends', async () => {
    const driver = { path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' };
    const signal = { ...driver, destination: served.connection.uniqueName, type: messageType.signal };
    client.sendMessage({ ...signal, member: 'NameOwnerChanged', signature: 'sss' }, [busName, 'x', ':1.99']);
    client.sendMessage({ ...signal, member: 'NameLost', signature: 's' }, [busName]);
    client.sendMessage({ ...signal, member: 'NameOwnerChanged', signature: 'u' }, [1]);
    client.sendMessage({ ...signal, member: 'NameOwnerChanged' });
    await assertWell();
  });

  it('header fields that nobody knows', async () => {
    const serial = client.serial();
    client.send(
      withUnknownField(
        encodeMessage(callHeader(serial, { ...target, member: 'GetImage', signature: 's' }), ['minimal_1']),
      ),
    );
    const reply = await client.replyTo(serial);
    assert.deepEqual(reply.values('o'), [imagePath('minimal_1')]);
  });

  it('big-endian messages, with 64-bit numbers', async () => {
    const serial = client.serial();
    const limit = 0x0102_0304_0506_0708n;
    client.send(bigEndianCall(serial, { ...target, member: 'SetPoolLimit' }, limit));
    assert.equal((await client.replyTo(serial)).type, messageType.return);
    assert.deepEqual(served.engine.asked.at(-1), ['setPoolLimit', limit]);
  });

  it('values nested as deep as the bus lets them', async () => {
    let value: unknown = { signature: 's', value: 'x' };
    for (let depth = 0; depth < 60; depth++) value = { signature: 'v', value };
    const set = {
      destination: busName,
      path: '/org/freedesktop/LogControl1',
      interface: properties,
      member: 'Set',
    };
    const body = ['org.freedesktop.LogControl1', 'LogLevel', value];
    assert.equal((await client.call({ ...set, signature: 'ssv' }, body)).errorName, `${E}InvalidArgs`);
  });

  it('names and paths as long as they may be', async () => {
    const member = 'M'.repeat(255);
    assert.equal((await client.call({ ...target, member })).errorName, `${E}UnknownMethod`);
    const iface = `a.${'b'.repeat(253)}`;
    assert.equal((await client.call({ ...target, interface: iface, member })).errorName, `${E}UnknownMethod`);
    const path = `/${'p'.repeat(1 << 20)}`;
    assert.equal((await client.call({ ...target, path, member })).errorName, `${E}UnknownObject`);
    const image = `${managerPath}/image/${'p'.repeat(1 << 20)}`;
    assert.equal((await client.call({ ...target, path: image, member })).errorName, `${E}InvalidArgs`);
  });

  it('calls that want no answer, and calls nobody waits for', async () => {
    const flags = messageFlag.noReplyExpected;
    client.others.length = 0;
    const asked = served.engine.asked.length;
    client.sendMessage({ ...target, flags, member: 'SetPoolLimit', signature: 't' }, [1n]);
    client.sendMessage({ ...target, flags, member: 'Nope' });
    client.sendMessage({ ...peer, flags });
    await assertWell();
    assert.equal(served.engine.asked.length, asked + 1);
    assert.deepEqual(
      client.others.filter(({ type }) => type !== messageType.signal),
      [],
    );
    const hasty = await RawBusClient.connect(bus.address);
    for (let n = 0; n < 500; n++) hasty.sendMessage({ ...target, member: 'ListImages' });
    hasty.close();
    await assertWell();
  });

  it('an answer larger than the bus carries', async () => {
    served.engine.unit = Buffer.alloc(33 << 20);
    const metadata = { ...target, member: 'GetImageMetadata', signature: 'sas' };
    assert.equal((await client.call(metadata, ['minimal_1', []])).errorName, `${E}LimitsExceeded`);
    served.engine.unit = Buffer.alloc(20 << 20);
    assert.equal((await client.call(metadata, ['minimal_1', []])).type, messageType.return);
    served.engine.unit = Buffer.alloc(10);
  });

  it('more than 64 operations at once; what anybody can ask for does not keep changes out', async () => {
    let open: (value?: unknown) => void = () => undefined;
    served.engine.gate = new Promise((resolve) => (open = resolve));
    const inspect = { ...target, member: 'GetImageMetadata', signature: 'sas' };
    const attach = { ...target, member: 'AttachImage', signature: 'sassbs' };
    const inspections = Array.from({ length: 80 }, () => client.call(inspect, ['minimal_1', []]));
    const other = await RawBusClient.connect(bus.address);
    const changes = Array.from({ length: 70 }, () => other.call(attach, ['minimal_1', [], '', true, '']));
    const refused = (await Promise.all([...inspections.slice(64), ...changes.slice(64)])).map(
      (reply) => reply.errorName,
    );
    assert.deepEqual(new Set(refused), new Set([`${E}LimitsExceeded`]));
    assert.equal((await client.call({ ...target, member: 'ListImages' })).type, messageType.return);
    assert.equal(served.service.busy, 128);
    const drained = served.service.drained();
    open();
    const done = await Promise.all([...inspections.slice(0, 64), ...changes.slice(0, 64)]);
    assert.ok(done.every((reply) => reply.type === messageType.return));
    await drained;
    assert.equal(served.service.busy, 0);
    served.engine.gate = Promise.resolve();
    assert.equal((await client.call(inspect, ['minimal_1', []])).type, messageType.return);
    other.close();
  });

  it('questions that nobody answers, with large arguments', async () => {
    let answer: (value?: unknown) => void = () => undefined;
    const answered = new Promise((resolve) => (answer = resolve));
    const authorize = served.authority.authorize.bind(served.authority);
    served.authority.authorize = async () => {
      await answered;
    };
    const attach = { ...target, member: 'AttachImage', signature: 'sassbs' };
    const large = ['minimal_1', [`m${'x'.repeat(900_000)}`], '', true, ''];
    const calls = Array.from({ length: 60 }, () => client.call(attach, large));
    const refused = await Promise.all(calls.slice(37));
    assert.deepEqual(new Set(refused.map((reply) => reply.errorName)), new Set([`${E}LimitsExceeded`]));
    const small = client.call(attach, ['minimal_1', ['m'], '', true, '']);
    assert.equal((await client.call({ ...target, member: 'ListImages' })).type, messageType.return);
    answer();
    assert.ok(
      (await Promise.all([...calls.slice(0, 37), small])).every((reply) => reply.type === messageType.return),
    );
    served.authority.authorize = authorize;
    assert.equal((await client.call(attach, large)).type, messageType.return);
  });

  it('a failure nobody thought of is an answer, too', async () => {
    const broken = served.engine;
    const listImages = broken.listImages;
    broken.listImages = () => Promise.reject(new TypeError('bug'));
    assert.equal((await client.call({ ...target, member: 'ListImages' })).errorName, `${E}Failed`);
    broken.listImages = () => {
      throw new TypeError('bug');
    };
    assert.equal((await client.call({ ...target, member: 'ListImages' })).errorName, `${E}Failed`);
    broken.listImages = () =>
      Promise.reject(Object.assign(new Error('EMFILE: too many'), { code: 'EMFILE' }));
    assert.equal((await client.call({ ...target, member: 'ListImages' })).errorName, 'System.Error.EMFILE');
    broken.listImages = listImages;
  });

  it('any bytes that pass the bus', async () => {
    const random = new Random(7);
    const originals = [
      encodeMessage(callHeader(3, { ...target, member: 'GetImage', signature: 's' }), ['minimal_1']),
      encodeMessage(callHeader(3, { ...target, member: 'AttachImage', signature: 'sassbs' }), [
        'i',
        ['m'],
        '',
        true,
        '',
      ]),
      encodeMessage(callHeader(3, { ...target, interface: properties, member: 'Set', signature: 'ssv' }), [
        manager,
        'PoolPath',
        { signature: 'a{sv}', value: new Map([['k', { signature: 'ay', value: Buffer.from('x') }]]) },
      ]),
    ];
    for (let n = 0; n < 400; n++) {
      const sender = await RawBusClient.connect(bus.address);
      const bytes = Buffer.from(random.pick(originals));
      for (let flips = 1 + random.below(2); flips > 0; flips--)
        bytes[random.below(bytes.length)] = random.below(256);
      sender.send(bytes);
      await sleep(1);
      sender.close();
    }
    await assertWell();
  });
});

describe('floods', () => {
  it('cost no memory', async () => {
    const second = await startBus();
    const program = fileURLToPath(new URL('../support/serve-fake-program.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, second.address], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const peak = (): number =>
      Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
    const client = await RawBusClient.connect(second.address);
    await client.call({ ...target, member: 'ListImages' });
    const start = peak();

    const attach = { ...target, member: 'AttachImage', signature: 'sassbs' };
    const many = Array.from({ length: 3_500_000 }, () => '');
    assert.equal((await client.call(attach, ['i', many, '', true, ''])).errorName, `${E}LimitsExceeded`);
    const variants = Array.from({ length: 4_000_000 }, () => ({ signature: 'y', value: 1 }));
    const set = { ...target, interface: properties, member: 'Set' };
    const wrong = await client.call({ ...set, signature: 'ssav' }, [
      'org.freedesktop.LogControl1',
      'LogLevel',
      variants,
    ]);
    assert.ok(wrong.errorName);
    const unknown = await client.call({ ...target, member: 'GetImage', signature: 'av' }, [variants]);
    assert.equal(unknown.errorName, `${E}InvalidArgs`);
    const log = { ...set, path: '/org/freedesktop/LogControl1', signature: 'ssv' };
    const value = { signature: 'av', value: variants.slice(0, 250_000) };
    assert.equal(
      (await client.call(log, ['org.freedesktop.LogControl1', 'LogLevel', value])).errorName,
      `${E}InvalidArgs`,
    );
    assert.ok(peak() - start < 48 * 1024, `${peak() - start} KiB more than the ${start} KiB at the start`);

    const deaf = await RawBusClient.connect(second.address);
    for (let n = 0; n < 2000; n++) deaf.sendMessage({ ...target, member: 'ListImages' });
    assert.equal((await client.call(peer)).type, messageType.return);
    assert.ok(peak() - start < 64 * 1024, `${peak() - start} KiB more than the ${start} KiB at the start`);
    deaf.close();
    client.close();
    child.stdin.end();
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
});

function callHeader(serial: number, header: Partial<Header>): Header {
  return { type: messageType.call, flags: 0, signature: '', serial, ...header };
}

/** Puts field 99, a variant with an array of handles, before the others. */
function withUnknownField(message: Buffer): Buffer {
  const field = Buffer.from([99, 2, 0x61, 0x68, 0, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0]);
  const changed = Buffer.concat([message.subarray(0, 16), field, message.subarray(16)]);
  changed.writeUInt32LE(message.readUInt32LE(12) + field.length, 12);
  return changed;
}

/** A call with one argument of type t, in the byte order that this project never writes. */
function bigEndianCall(
  serial: number,
  header: Record<'path' | 'interface' | 'member' | 'destination', string>,
  value: bigint,
): Buffer {
  const fields: Buffer[] = [];
  const text = (code: number, type: string, content: string): void => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(content.length);
    const field = Buffer.concat([
      Buffer.from([code, 1, type.charCodeAt(0), 0]),
      length,
      Buffer.from(`${content}\0`),
    ]);
    fields.push(field, Buffer.alloc(-field.length & 7));
  };
  text(1, 'o', header.path);
  text(2, 's', header.interface);
  text(3, 's', header.member);
  text(6, 's', header.destination);
  fields.push(Buffer.from([8, 1, 0x67, 0, 1, 0x74, 0])); // signature "t"
  const all = Buffer.concat(fields);
  const fixed = Buffer.from([0x42, messageType.call, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
  fixed.writeUInt32BE(serial, 8);
  fixed.writeUInt32BE(all.length, 12);
  const body = Buffer.alloc(8);
  body.writeBigUInt64BE(value);
  return Buffer.concat([fixed, all, Buffer.alloc(-all.length & 7), body]);
}
