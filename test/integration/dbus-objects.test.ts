/** Every method and property through busctl, and every wrong call as sd-bus answers it (observed on systemd 252 to 262). */
import assert from 'node:assert/strict';
import { afterEach, before, after, describe, it } from 'node:test';
import { messageFlag } from '../../src/dbus/message.ts';
import { busName, imagePath, imagesPath, logControlPath, managerPath } from '../../src/service/paths.ts';
import { busctl, startBus } from '../support/private-bus.ts';
import { RawBusClient } from '../support/raw-bus-client.ts';
import { machineId, serveFake, type ServedFake } from '../support/serve-fake.ts';

const manager = 'org.freedesktop.portable1.Manager';
const image = 'org.freedesktop.portable1.Image';
const properties = 'org.freedesktop.DBus.Properties';
const logControl = 'org.freedesktop.LogControl1';
const minimal = imagePath('minimal_1');
const max = 18446744073709551615n.toString();

const bus = await startBus();
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
afterEach(() => {
  served.engine.asked.length = 0;
  served.authority.asked.length = 0;
  served.authority.allow = true;
  served.engine.worldReadableAnswer = true;
});

/** A call by busctl, which allows interactive authorization. */
async function call(path: string, iface: string, member: string, ...args: string[]): Promise<unknown> {
  const { data } = await busctl(bus, ['call', busName, path, iface, member, ...args]);
  return data;
}

const sample = [
  ['mkdir', '/etc/x', ''],
  ['copy', '/etc/x/u.service', '/img/u.service'],
];
const bytes = (text: string): number[] => [...Buffer.from(text)];
const attachRequest = {
  extensions: [],
  matches: ['m1', 'm2'],
  profile: 'default',
  copyMode: 'symlink',
  runtime: true,
  force: false,
  forceExtension: false,
};
const attachArgs = ['2', 'm1', 'm2', 'default', 'true', 'symlink'];
const attachExtArgs = ['1', '/ext.raw', '2', 'm1', 'm2', 'default', 'symlink', '7'];
const attachExtRequest = { ...attachRequest, extensions: ['/ext.raw'], force: true, forceExtension: true };

interface Case {
  readonly member: string;
  readonly args: readonly string[];
  readonly reply: unknown;
  /** The engine's call, with the image 'minimal_1'. */
  readonly asks: readonly unknown[];
  /** The action, or none. */
  readonly action?: string;
}

const ref = { image: 'minimal_1', extensions: [] };
/** Those that both objects have; manager: `Image` in the name and as first argument. */
const cases: readonly (Case & { readonly onManager: string; readonly signature: string })[] = [
  {
    onManager: 'GetImageOSRelease',
    member: 'GetOSRelease',
    signature: '',
    args: [],
    reply: [{ ID: 'debian' }],
    asks: ['osRelease', 'minimal_1'],
  },
  {
    onManager: 'GetImageMetadata',
    member: 'GetMetadata',
    signature: 'as',
    args: ['1', 'm1'],
    reply: ['/var/lib/portables/minimal_1', bytes('ID=debian\n'), { 'unit.service': bytes('[Service]\n') }],
    asks: ['inspect', { ...ref, matches: ['m1'], forceExtension: false }],
  },
  {
    onManager: 'GetImageMetadataWithExtensions',
    member: 'GetMetadataWithExtensions',
    signature: 'asast',
    args: ['2', 'e1', 'e2', '0', '4'],
    reply: [
      '/var/lib/portables/minimal_1',
      bytes('ID=debian\n'),
      { e1: bytes('ID=_any\n'), e2: bytes('ID=_any\n') },
      { 'unit.service': bytes('[Service]\n') },
    ],
    asks: ['inspect', { image: 'minimal_1', extensions: ['e1', 'e2'], matches: [], forceExtension: true }],
  },
  {
    onManager: 'GetImageState',
    member: 'GetState',
    signature: '',
    args: [],
    reply: ['enabled-runtime'],
    asks: ['state', ref],
  },
  {
    onManager: 'GetImageStateWithExtensions',
    member: 'GetStateWithExtensions',
    signature: 'ast',
    args: ['1', 'e1', '0'],
    reply: ['enabled-runtime'],
    asks: ['state', { image: 'minimal_1', extensions: ['e1'] }],
  },
  {
    onManager: 'AttachImage',
    member: 'Attach',
    signature: 'assbs',
    args: attachArgs,
    reply: [sample],
    asks: ['attach', { image: 'minimal_1', ...attachRequest }],
    action: 'attach-images',
  },
  {
    onManager: 'AttachImageWithExtensions',
    member: 'AttachWithExtensions',
    signature: 'asassst',
    args: attachExtArgs,
    reply: [sample],
    asks: ['attach', { image: 'minimal_1', ...attachExtRequest }],
    action: 'attach-images',
  },
  {
    onManager: 'DetachImage',
    member: 'Detach',
    signature: 'b',
    args: ['true'],
    reply: [sample],
    asks: ['detach', { ...ref, runtime: true, force: false }],
    action: 'attach-images',
  },
  {
    onManager: 'DetachImageWithExtensions',
    member: 'DetachWithExtensions',
    signature: 'ast',
    args: ['1', '/e.raw', '3'],
    reply: [sample],
    asks: ['detach', { image: 'minimal_1', extensions: ['/e.raw'], runtime: true, force: true }],
    action: 'attach-images',
  },
  {
    onManager: 'ReattachImage',
    member: 'Reattach',
    signature: 'assbs',
    args: attachArgs,
    reply: [sample.slice(0, 1), sample],
    asks: ['reattach', { image: 'minimal_1', ...attachRequest }],
    action: 'attach-images',
  },
  {
    onManager: 'ReattachImageWithExtensions',
    member: 'ReattachWithExtensions',
    signature: 'asassst',
    args: attachExtArgs,
    reply: [sample.slice(0, 1), sample],
    asks: ['reattach', { image: 'minimal_1', ...attachExtRequest }],
    action: 'attach-images',
  },
  {
    onManager: 'RemoveImage',
    member: 'Remove',
    signature: '',
    args: [],
    reply: [],
    asks: ['remove', 'minimal_1'],
    action: 'manage-images',
  },
  {
    onManager: 'MarkImageReadOnly',
    member: 'MarkReadOnly',
    signature: 'b',
    args: ['true'],
    reply: [],
    asks: ['markReadOnly', 'minimal_1', true],
    action: 'manage-images',
  },
  {
    onManager: 'SetImageLimit',
    member: 'SetLimit',
    signature: 't',
    args: [max],
    reply: [],
    asks: ['setImageLimit', 'minimal_1', (1n << 64n) - 1n],
    action: 'manage-images',
  },
];

describe('methods on an image', () => {
  const misspelt = cases.find(({ member }) => member === 'ReattachWithExtensions')!;
  for (const { onManager, member, signature, args, reply, asks, action } of [
    ...cases,
    { ...misspelt, onManager: undefined, member: 'ReattacheWithExtensions' },
  ]) {
    const check = (given: unknown): void => {
      assert.deepEqual(given, reply);
      assert.deepEqual(served.engine.asked.at(-1), asks);
      assert.deepEqual(served.authority.asked, action === undefined ? [] : [`${action} minimal_1 true`]);
    };
    if (onManager !== undefined) {
      it(onManager, async () => {
        check(await call(managerPath, manager, onManager, `s${signature}`, 'minimal_1', ...args));
      });
    }
    it(member, async () => {
      check(await call(minimal, image, member, ...(signature === '' ? [] : [signature]), ...args));
    });
  }
});

describe('methods of the manager alone', () => {
  it('GetImage', async () => {
    assert.deepEqual(await call(managerPath, manager, 'GetImage', 's', 'minimal_1'), [minimal]);
    assert.deepEqual(await call(managerPath, manager, 'GetImage', 's', 'ümlaut'), [
      `${imagesPath}/_c3_bcmlaut`,
    ]);
  });

  it('ListImages', async () => {
    const reply = await client.call({
      destination: busName,
      path: managerPath,
      interface: manager,
      member: 'ListImages',
    });
    const [rows] = reply.values('a(ssbtttso)');
    assert.deepEqual(
      rows.map((row) => row[0]),
      ['a b', 'minimal_1', 'ümlaut'],
    );
    assert.deepEqual(rows[1], [
      'minimal_1',
      'directory',
      true,
      1_700_000_000_123_456n,
      (1n << 53n) + 1n,
      (1n << 63n) + 3n,
      'attached',
      minimal,
    ]);
  });

  it('SetPoolLimit', async () => {
    assert.deepEqual(await call(managerPath, manager, 'SetPoolLimit', 't', '9223372036854775807'), []);
    assert.deepEqual(served.engine.asked, [['setPoolLimit', (1n << 63n) - 1n]]);
    assert.deepEqual(served.authority.asked, ['manage-images - true']);
  });
});

describe('properties', () => {
  const all: readonly (readonly [
    path: string,
    iface: string,
    values: Record<string, readonly [string, unknown]>,
  ])[] = [
    [
      managerPath,
      manager,
      {
        PoolPath: ['s', '/var/lib/portables'],
        PoolUsage: ['t', (1n << 60n) + 1n],
        PoolLimit: ['t', (1n << 64n) - 1n],
        Profiles: ['as', ['default', 'strict']],
      },
    ],
    [
      minimal,
      image,
      {
        Name: ['s', 'minimal_1'],
        Path: ['s', '/var/lib/portables/minimal_1'],
        Type: ['s', 'directory'],
        ReadOnly: ['b', true],
        CreationTimestamp: ['t', 1_700_000_000_123_456n],
        ModificationTimestamp: ['t', (1n << 53n) + 1n],
        Usage: ['t', (1n << 63n) + 3n],
        Limit: ['t', (1n << 64n) - 1n],
        UsageExclusive: ['t', 5n],
        LimitExclusive: ['t', 6n],
      },
    ],
    [
      logControlPath,
      logControl,
      { LogLevel: ['s', 'info'], LogTarget: ['s', 'auto'], SyslogIdentifier: ['s', 'portabled'] },
    ],
  ];

  for (const [path, iface, values] of all) {
    const named = Object.entries(values).map(([name, [signature, value]]) => [name, { signature, value }]);
    it(`of ${iface} one by one, with busctl and without`, async () => {
      for (const [name, [signature, value]] of Object.entries(values)) {
        const reply = await client.call(
          { destination: busName, path, interface: properties, member: 'Get', signature: 'ss' },
          [iface, name],
        );
        assert.deepEqual(reply.values('v'), [{ signature, value }]);
        const told = await busctl(bus, ['get-property', busName, path, iface, name]);
        assert.equal(told.type, signature);
      }
    });
    for (const wanted of [iface, '']) {
      it(`of ${iface} all at once, asked for as '${wanted}', in order`, async () => {
        const reply = await client.call(
          { destination: busName, path, interface: properties, member: 'GetAll', signature: 's' },
          [wanted],
        );
        assert.deepEqual([...reply.values('a{sv}')[0]], named);
      });
    }
  }

  it('that hang together are asked for once', async () => {
    await call(minimal, properties, 'GetAll', 's', image);
    assert.deepEqual(
      served.engine.asked.map(([method]) => method),
      ['findByName', 'facts'],
    );
  });

  it('of the log can be set, by root only', async () => {
    const set = ['ssv', logControl, 'LogLevel', 's', 'debug'];
    await call(logControlPath, properties, 'Set', ...set);
    await call(logControlPath, properties, 'Set', 'ssv', logControl, 'LogTarget', 's', 'console');
    assert.deepEqual(served.log, { level: 'debug', target: 'console' });
    for (const name of ['LogLevel', 'LogTarget']) {
      const bogus = call(logControlPath, properties, 'Set', 'ssv', logControl, name, 's', 'bogus');
      await assert.rejects(bogus, /invalid log (level|target) 'bogus'/);
    }
    served.authority.allow = false;
    await assert.rejects(
      call(logControlPath, properties, 'Set', 'ssv', logControl, 'LogLevel', 's', 'err'),
      /Access denied/,
    );
    assert.equal(served.log.level, 'debug');
    Object.assign(served.log, { level: 'info', target: 'auto' });
  });
});

describe('the object tree', () => {
  it('is what busctl tree shows', async () => {
    const { execFile } = await import('node:child_process');
    const { promisify } = await import('node:util');
    const list = ['--list', 'tree', busName];
    const { stdout } = await promisify(execFile)('busctl', [`--address=${bus.address}`, ...list]);
    assert.deepEqual(stdout.trim().split('\n'), [
      '/',
      '/org',
      '/org/freedesktop',
      logControlPath,
      managerPath,
      imagesPath,
      `${imagesPath}/_c3_bcmlaut`,
      `${imagesPath}/a_20b`,
      minimal,
    ]);
  });

  it('is understood by gdbus, too', async () => {
    const { execFile } = await import('node:child_process');
    const { promisify } = await import('node:util');
    const gdbus = async (verb: string, ...args: string[]): Promise<string> => {
      const all = [verb, '--address', bus.address, '--dest', busName, '--object-path', managerPath, ...args];
      return (await promisify(execFile)('gdbus', all)).stdout;
    };
    const metadata = await gdbus('call', '--method', `${manager}.GetImageMetadata`, 'minimal_1', '[]');
    assert.match(metadata, /^\('\/var\/lib\/portables\/minimal_1', \[byte 0x49, 0x44,/);
    const shown = await gdbus('introspect');
    assert.match(shown, /readonly t PoolUsage = 1152921504606846977;/);
    assert.match(shown, /ReattachImageWithExtensions\(in {2}s image,/);
  });

  it('has Peer on every path there could be', async () => {
    for (const path of ['/', '/nowhere', managerPath, `${imagesPath}/nope`]) {
      assert.deepEqual(await call(path, 'org.freedesktop.DBus.Peer', 'Ping'), []);
      assert.deepEqual(await call(path, 'org.freedesktop.DBus.Peer', 'GetMachineId'), [machineId]);
      assert.deepEqual(await call(path, 'org.freedesktop.DBus.Peer', 'Ping', 's', 'ignored'), []);
    }
  });

  it('has no properties but those of the interfaces', async () => {
    for (const standard of ['Peer', 'Introspectable', 'Properties']) {
      assert.deepEqual(
        await call(managerPath, properties, 'GetAll', 's', `org.freedesktop.DBus.${standard}`),
        [{}],
      );
    }
    assert.deepEqual(await call(imagesPath, properties, 'GetAll', 's', ''), [{}]);
  });
});

type WrongCall = readonly [
  error: string,
  path: string,
  iface: string | undefined,
  member: string,
  signature?: string,
  body?: readonly unknown[],
];
const E = 'org.freedesktop.DBus.Error.';
const P = 'org.freedesktop.portable1.';
const introspectable = 'org.freedesktop.DBus.Introspectable';
const nope = `${imagesPath}/nope`;
const variant = (signature: string, value: unknown): unknown => ({ signature, value });

const wrongCalls: readonly WrongCall[] = [
  // without an interface, nothing is found
  [`${E}UnknownObject`, managerPath, undefined, 'ListImages'],
  [`${E}UnknownObject`, managerPath, undefined, 'Ping'],
  [`${E}UnknownObject`, minimal, undefined, 'GetState'],
  [`${E}UnknownObject`, '/nowhere', undefined, 'Ping'],
  // paths
  [`${E}UnknownObject`, '/nowhere', manager, 'ListImages'],
  [`${E}UnknownObject`, '/', manager, 'ListImages'],
  [`${E}UnknownObject`, '/org/freedesktop', properties, 'GetAll', 's', ['']],
  [`${E}UnknownObject`, '/org', introspectable, 'Frob'],
  [`${E}UnknownObject`, '/nowhere', introspectable, 'Introspect'],
  [`${E}UnknownObject`, `${imagesPath}/_`, image, 'GetState'],
  [`${E}UnknownObject`, `${imagesPath}/_ff`, image, 'GetState'],
  [`${E}UnknownObject`, `${imagesPath}/a_00b`, image, 'GetState'],
  [`${E}InvalidArgs`, `${minimal}/x`, image, 'GetState'],
  [`${E}InvalidArgs`, `${imagesPath}/a_2fb`, image, 'GetState'],
  [`${E}InvalidArgs`, `${imagesPath}/_2e_2e`, introspectable, 'Introspect'],
  [`${P}NoSuchImage`, nope, image, 'GetState'],
  [`${P}NoSuchImage`, nope, image, 'GetState', 'u', [1]],
  [`${P}NoSuchImage`, nope, image, 'Nope'],
  [`${P}NoSuchImage`, nope, introspectable, 'Introspect'],
  [`${P}NoSuchImage`, nope, properties, 'GetAll', 's', ['a.b']],
  [`${P}NoSuchImage`, `${imagesPath}/_zz`, image, 'GetState'],
  // interfaces and methods
  [`${E}UnknownMethod`, managerPath, manager, 'Nope'],
  [`${E}UnknownMethod`, managerPath, manager, 'toString'],
  [`${E}UnknownMethod`, managerPath, manager, '__proto__'],
  [`${E}UnknownMethod`, managerPath, 'a.b', 'GetImage', 's', ['x']],
  [`${E}UnknownMethod`, managerPath, image, 'GetState'],
  [`${E}UnknownMethod`, minimal, manager, 'ListImages'],
  [`${E}UnknownMethod`, imagesPath, image, 'GetState'],
  [`${E}UnknownMethod`, logControlPath, logControl, 'X'],
  [`${E}UnknownMethod`, managerPath, introspectable, 'Frob'],
  [`${E}UnknownMethod`, managerPath, properties, 'Frob'],
  [`${E}UnknownMethod`, managerPath, 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects'],
  [`${E}UnknownMethod`, '/nowhere', 'org.freedesktop.DBus.Peer', 'Frob'],
  // signatures
  [`${E}InvalidArgs`, managerPath, manager, 'GetImage'],
  [`${E}InvalidArgs`, managerPath, manager, 'GetImage', 'u', [1]],
  [`${E}InvalidArgs`, managerPath, manager, 'GetImage', 'ss', ['a', 'b']],
  [`${E}InvalidArgs`, managerPath, introspectable, 'Introspect', 's', ['x']],
  [`${E}InvalidArgs`, '/nowhere', introspectable, 'Introspect', 's', ['x']],
  [`${E}InvalidArgs`, '/nowhere', properties, 'Get', 's', ['x']],
  [`${E}InvalidArgs`, managerPath, properties, 'GetAll'],
  [`${E}InvalidArgs`, managerPath, properties, 'GetAll', 'u', [1]],
  [`${E}InvalidArgs`, managerPath, properties, 'Set', 's', [manager]],
  // properties
  [`${E}UnknownInterface`, managerPath, properties, 'GetAll', 's', ['a.b']],
  [`${E}UnknownInterface`, managerPath, properties, 'GetAll', 's', [image]],
  [`${E}UnknownInterface`, imagesPath, properties, 'GetAll', 's', [image]],
  [`${E}UnknownProperty`, managerPath, properties, 'Get', 'ss', [manager, 'Nope']],
  [`${E}UnknownProperty`, managerPath, properties, 'Get', 'ss', [manager, 'constructor']],
  [`${E}UnknownProperty`, managerPath, properties, 'Get', 'ss', ['', 'PoolPath']],
  [`${E}UnknownProperty`, managerPath, properties, 'Get', 'ss', ['not a name', 'PoolPath']],
  [`${E}UnknownProperty`, managerPath, properties, 'Get', 'ss', ['org.freedesktop.DBus.Peer', 'any']],
  [`${E}UnknownProperty`, imagesPath, properties, 'Get', 'ss', [image, 'Name']],
  [`${E}UnknownProperty`, managerPath, properties, 'Set', 'ssv', [manager, 'Nope', variant('u', 1)]],
  [`${E}PropertyReadOnly`, managerPath, properties, 'Set', 'ssv', [manager, 'PoolPath', variant('s', 'x')]],
  [`${E}PropertyReadOnly`, managerPath, properties, 'Set', 'ssv', [manager, 'PoolPath', variant('u', 1)]],
  [`${E}PropertyReadOnly`, managerPath, properties, 'Set', 'ss', [manager, 'PoolPath']],
  [`${E}PropertyReadOnly`, minimal, properties, 'Set', 'ssv', [image, 'Name', variant('s', 'x')]],
  [
    `${E}PropertyReadOnly`,
    logControlPath,
    properties,
    'Set',
    'ssv',
    [logControl, 'SyslogIdentifier', variant('s', 'x')],
  ],
  [`${E}InvalidArgs`, logControlPath, properties, 'Set', 'ssv', [logControl, 'LogLevel', variant('u', 1)]],
  [`${E}InvalidSignature`, logControlPath, properties, 'Set', 'ss', [logControl, 'LogLevel']],
  // arguments
  [`${E}InvalidArgs`, managerPath, manager, 'GetImage', 's', ['/a/path']],
  [`${E}InvalidArgs`, managerPath, manager, 'GetImage', 's', ['']],
  [`${P}NoSuchImage`, managerPath, manager, 'GetImage', 's', ['nope']],
  ...[
    '',
    '.',
    '..',
    'a/b',
    './a',
    '../a',
    '//a',
    '/a/../b',
    '/a/./b',
    '/a//b',
    'a\nb',
    '.#a',
    'x'.repeat(256),
  ].map((name): WrongCall => [`${E}InvalidArgs`, managerPath, manager, 'GetImageOSRelease', 's', [name]]),
  [`${E}InvalidArgs`, managerPath, manager, 'AttachImage', 'sassbs', ['i', [], '', true, 'auto']],
  [
    `${E}InvalidArgs`,
    managerPath,
    manager,
    'AttachImageWithExtensions',
    'sasassst',
    ['i', [], [], '', '', 8n],
  ],
  [
    `${E}InvalidArgs`,
    managerPath,
    manager,
    'AttachImageWithExtensions',
    'sasassst',
    ['i', ['../e'], [], '', '', 0n],
  ],
  [`${E}InvalidArgs`, managerPath, manager, 'DetachImageWithExtensions', 'sast', ['i', [], 1n << 63n]],
  [`${E}InvalidArgs`, minimal, image, 'DetachWithExtensions', 'ast', [[], 9n]],
  [`${E}InvalidArgs`, managerPath, manager, 'GetImageStateWithExtensions', 'sast', ['i', [], 1n]],
  [`${E}InvalidArgs`, minimal, image, 'GetStateWithExtensions', 'ast', [[], 4n]],
  [`${E}InvalidArgs`, managerPath, manager, 'SetImageLimit', 'st', ['i', 1n << 63n]],
  [`${E}InvalidArgs`, managerPath, manager, 'SetPoolLimit', 't', [(1n << 64n) - 2n]],
];

describe('wrong calls', () => {
  for (const [error, path, iface, member, signature = '', body = []] of wrongCalls) {
    const shown = JSON.stringify(body, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v)).slice(
      0,
      80,
    );
    it(`${path} ${iface ?? '-'} ${member} ${shown} → ${error}`, async () => {
      served.authority.allow = false; // what is wrong is said before anybody is asked
      const reply = await client.call(
        { destination: busName, path, interface: iface, member, signature },
        body,
      );
      assert.equal(reply.errorName, error);
      assert.deepEqual(served.authority.asked, []);
    });
  }

  it('name the value in question', async () => {
    const target = { destination: busName, path: managerPath, interface: manager };
    const flags = { ...target, member: 'DetachImageWithExtensions', signature: 'sast' };
    assert.match(String((await client.call(flags, ['i', [], 40n])).values('s')), /40/);
    const relative = { ...target, member: 'GetImageOSRelease', signature: 's' };
    assert.match(String((await client.call(relative, ['a/b'])).values('s')), /'a\/b'.*relative/);
  });
});

describe('authorization', () => {
  const target = { destination: busName, path: managerPath, interface: manager };

  it('is asked for with the action, the image and the interactive flag, and decides', async () => {
    const flags = messageFlag.allowInteractiveAuthorization;
    served.authority.allow = false;
    const reply = await client.call({ ...target, member: 'RemoveImage', signature: 's', flags }, ['nope']);
    assert.equal(reply.errorName, `${E}AccessDenied`);
    assert.deepEqual(served.authority.asked, ['manage-images nope true']);
    assert.deepEqual(served.engine.asked, []);
  });

  for (const [member, signature, body] of [
    ['GetImageOSRelease', 's', ['/img.raw']],
    ['GetImageMetadata', 'sas', ['/img.raw', []]],
    ['GetImageMetadataWithExtensions', 'sasast', ['minimal_1', ['/ext.raw'], [], 0n]],
    ['GetImageMetadataWithExtensions', 'sasast', ['/img.raw', ['ext'], [], 0n]],
  ] as const) {
    it(`is needed to look into what a path names: ${member} ${body.slice(0, 2).join(' ')}`, async () => {
      await client.call({ ...target, member, signature }, body);
      assert.deepEqual(served.authority.asked, [`inspect-images ${body[0]} false`]);
      served.authority.allow = false;
      const reply = await client.call({ ...target, member, signature }, body);
      assert.equal(reply.errorName, `${E}AccessDenied`);
    });
  }

  it('is needed to look by name into what the world may not read', async () => {
    const byName = { ...target, member: 'GetImageMetadataWithExtensions', signature: 'sasast' };
    await client.call(byName, ['minimal_1', ['ext'], [], 0n]);
    assert.deepEqual(served.authority.asked, []);
    assert.deepEqual(served.engine.asked[0], ['worldReadable', { image: 'minimal_1', extensions: ['ext'] }]);
    served.engine.worldReadableAnswer = false;
    await client.call(byName, ['minimal_1', ['ext'], [], 0n]);
    assert.deepEqual(served.authority.asked, ['inspect-images minimal_1 false']);
    await client.call({ destination: busName, path: minimal, interface: image, member: 'GetOSRelease' });
    assert.equal(served.authority.asked.length, 2);
  });
});
