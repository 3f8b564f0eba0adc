/** What sd-bus answers for every service: standard interfaces, unknown things, properties, log control. */
import dbus from 'dbus-next';
import {
  get,
  getAll,
  imageInterface,
  imagesPath,
  logControlInterface,
  logControlPath,
  managerInterface,
  managerPath,
} from '../calls.ts';
import type { CallStep, Case } from '../case.ts';
import { users } from '../twins.ts';

const peer = 'org.freedesktop.DBus.Peer';
const introspectable = 'org.freedesktop.DBus.Introspectable';
const properties = 'org.freedesktop.DBus.Properties';
const image = `${imagesPath}/pool`;

/** Every kind of object path there is. */
const places = [
  '/',
  '/org/freedesktop',
  managerPath,
  imagesPath,
  image,
  `${imagesPath}/nope`,
  `${imagesPath}/pool_2fother`,
  logControlPath,
  '/nonexistent',
];

/** The same call everywhere. */
function everywhere(name: string, call: Omit<CallStep, 'path'>): Case {
  return { name: `${name}, on every kind of path`, steps: places.map((path) => ({ ...call, path })) };
}

const two = { signature: 'ss', body: ['a', 'b'] };

const calls: readonly Case[] = [
  everywhere('Ping without interface', { interface: null, member: 'Ping' }),
  everywhere('ListImages without interface', { interface: null, member: 'ListImages' }),
  everywhere('Introspect without interface', { interface: null, member: 'Introspect' }),
  everywhere('Ping', { interface: peer, member: 'Ping' }),
  everywhere('Ping with arguments', { interface: peer, member: 'Ping', ...two }),
  everywhere('Peer.Frob', { interface: peer, member: 'Frob' }),
  everywhere('Introspect with arguments', { interface: introspectable, member: 'Introspect', ...two }),
  everywhere('Introspectable.Frob', { interface: introspectable, member: 'Frob' }),
  everywhere('Properties.Frob', { interface: properties, member: 'Frob' }),
  everywhere('an unknown interface', { interface: 'a.b', member: 'Frob' }),
  everywhere('ObjectManager', {
    interface: 'org.freedesktop.DBus.ObjectManager',
    member: 'GetManagedObjects',
  }),
  everywhere('ListImages', { member: 'ListImages' }),
  everywhere('an unknown method of the manager', { member: 'Frob' }),
  everywhere('an unknown method of images', { interface: imageInterface, member: 'Frob' }),
  everywhere('a method of images', { interface: imageInterface, member: 'GetState' }),
  everywhere('a method of log control', { interface: logControlInterface, member: 'LogLevel' }),
  everywhere('wrong arguments for the manager', { member: 'GetImage', ...two }),
  everywhere('wrong arguments for images', { interface: imageInterface, member: 'Detach', ...two }),
  everywhere('GetMachineId of the wrong interface', { interface: introspectable, member: 'GetMachineId' }),
];

const interfaces = ['', 'a.b', '!!', peer, properties, managerInterface, imageInterface, logControlInterface];

const imageProperties = [
  'Name',
  'Path',
  'Type',
  'ReadOnly',
  'CreationTimestamp',
  'ModificationTimestamp',
  'Usage',
  'Limit',
  'UsageExclusive',
  'LimitExclusive',
];

const reading: readonly Case[] = [
  ...interfaces.map((name) =>
    everywhere(`GetAll '${name}'`, { interface: properties, member: 'GetAll', signature: 's', body: [name] }),
  ),
  everywhere('GetAll without arguments', { interface: properties, member: 'GetAll' }),
  everywhere('Get without arguments', { interface: properties, member: 'Get' }),
  everywhere('Get with one argument', { interface: properties, member: 'Get', signature: 's', body: ['a'] }),
  everywhere('Get with three arguments', {
    interface: properties,
    member: 'Get',
    signature: 'sss',
    body: [imageInterface, 'Name', 'x'],
  }),
  {
    name: 'Get every property of the manager',
    steps: ['PoolPath', 'PoolUsage', 'PoolLimit', 'Profiles'].map((name) =>
      get(managerPath, managerInterface, name),
    ),
  },
  ...['pool', 'poolraw_5f1', 'vendor', 'local', 'ver', 'vdir', 'poolext_5f1'].map((label) => ({
    name: `every property of image/${label}`,
    steps: [
      getAll(`${imagesPath}/${label}`, imageInterface),
      ...imageProperties.map((name) => get(`${imagesPath}/${label}`, imageInterface, name)),
    ],
  })),
  {
    name: 'Get of what is no property',
    steps: [
      ...['Frob', '', '!!', 'name', 'PoolPath\u00e4'].map((name) => get(managerPath, managerInterface, name)),
      ...['', 'a.b', '!!', peer, imageInterface].map((name) => get(managerPath, name, 'PoolPath')),
      get(image, managerInterface, 'PoolPath'),
      get(image, '', 'Name'),
      get(`${imagesPath}/nope`, imageInterface, 'Name'),
      get(`${imagesPath}/nope`, imageInterface, 'Frob'),
      get('/nonexistent', imageInterface, 'Name'),
    ],
  },
  {
    name: 'a user reads properties',
    steps: [
      getAll(managerPath, managerInterface),
      getAll(image, imageInterface),
      getAll(logControlPath, logControlInterface),
    ].map((call) => ({ ...call, uid: users.asked })),
  },
];

function set(path: string, iface: string, name: string, signature: string, value: unknown): CallStep {
  return {
    path,
    interface: properties,
    member: 'Set',
    signature: 'ssv',
    body: [iface, name, new dbus.Variant(signature, value)],
  };
}

function setLog(name: string, value: string): readonly CallStep[] {
  return [
    set(logControlPath, logControlInterface, name, 's', value),
    get(logControlPath, logControlInterface, name),
  ];
}

const writing: readonly Case[] = [
  everywhere('Set with wrong arguments', { interface: properties, member: 'Set', ...two }),
  everywhere('Set without arguments', { interface: properties, member: 'Set' }),
  {
    name: 'Set of read-only properties',
    steps: [
      ...['PoolPath', 'PoolUsage', 'Profiles'].map((name) =>
        set(managerPath, managerInterface, name, 's', 'x'),
      ),
      ...['Name', 'ReadOnly', 'Limit'].map((name) => set(image, imageInterface, name, 's', 'x')),
      set(logControlPath, logControlInterface, 'SyslogIdentifier', 's', 'x'),
      set(`${imagesPath}/nope`, imageInterface, 'Name', 's', 'x'),
    ],
  },
  {
    name: 'Set of what is no property',
    steps: [
      set(managerPath, managerInterface, 'Frob', 's', 'x'),
      set(managerPath, '', 'PoolPath', 's', 'x'),
      set(managerPath, 'a.b', 'PoolPath', 's', 'x'),
      set(imagesPath, managerInterface, 'PoolPath', 's', 'x'),
      set('/nonexistent', managerInterface, 'PoolPath', 's', 'x'),
    ],
  },
  ...['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'debug', '0', '3', '7'].map((level) => ({
    name: `LogLevel = ${level}`,
    steps: [...setLog('LogLevel', level), ...setLog('LogLevel', 'info')],
  })),
  {
    name: 'LogLevel = what is no level',
    steps: ['DEBUG', 'error', 'warn', '', '8', '-1', 'null'].flatMap((level) => setLog('LogLevel', level)),
  },
  ...[
    'console',
    'console-prefixed',
    'kmsg',
    'journal',
    'journal-or-kmsg',
    'syslog',
    'syslog-or-kmsg',
    'null',
  ].map((target) => ({
    name: `LogTarget = ${target}`,
    steps: [...setLog('LogTarget', target), ...setLog('LogTarget', 'auto')],
  })),
  {
    name: 'LogTarget = what is no target',
    steps: ['JOURNAL', '', 'stderr', 'safe'].flatMap((target) => setLog('LogTarget', target)),
  },
  {
    name: 'log control with wrong types, by users, and what is read-only',
    steps: [
      set(logControlPath, logControlInterface, 'LogLevel', 'u', 7),
      set(logControlPath, logControlInterface, 'LogTarget', 'as', []),
      set(logControlPath, logControlInterface, 'Frob', 's', 'x'),
      { ...set(logControlPath, logControlInterface, 'LogLevel', 's', 'debug'), uid: users.asked },
      { ...get(logControlPath, logControlInterface, 'LogLevel'), uid: users.asked },
    ],
  },
];

export const standardCases: readonly Case[] = [...calls, ...reading, ...writing];
