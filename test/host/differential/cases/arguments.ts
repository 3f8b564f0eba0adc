/** Arguments of every method: names and paths, flags, limits, copy modes, profiles, matches; and who may call. */
import {
  attach,
  attachLayers,
  detach,
  detachLayers,
  imageInterface,
  imagesPath,
  listImages,
  markReadOnly,
  metadata,
  metadataLayers,
  onImage,
  reattach,
  setLimit,
  state,
  stateLayers,
  unlimited,
} from '../calls.ts';
import type { CallStep, Case } from '../case.ts';
import { users } from '../twins.ts';

const long = (length: number): string => 'x'.repeat(length);

/** What can be given for an image, good and bad. */
const given: Readonly<Record<string, string>> = {
  'the empty string': '',
  '.': '.',
  '..': '..',
  'a/b': 'a/b',
  '../x': '../x',
  './pool': './pool',
  'a name of 250 bytes': long(250),
  'a name of 256 bytes': long(256),
  'a name with a newline': 'a\nb',
  'a name with a tab': 'a\tb',
  'a name with DEL': 'a\x7fb',
  'a name with a C1 control character': 'a\u0085b',
  '.#pool': '.#pool',
  'an absent name': 'nope',
  'an absent hidden name': '.pool',
  'an absent name with a blank': 'a b',
  'a name with the suffix': 'poolraw_1.raw',
  '~': '~',
  '//': '//',
  '/opt//dir': '/opt//dir',
  '/opt/./dir': '/opt/./dir',
  '/opt/dir/.': '/opt/dir/.',
  '/opt/../opt/dir': '/opt/../opt/dir',
  'a path that is too long': `/${'x/'.repeat(2500)}y`,
  'a path with a component that is too long': `/opt/${long(256)}`,
  'an absent path': '/opt/nope',
  'an absent path with suffix': '/opt/nope.raw',
  'an absent path in an absent directory': '/opt/nope/nope',
  'a broken link': '/opt/broken',
  'a looping link': '/opt/loop',
  'a path below a file': '/opt/file.txt/x',
  'a file without suffix': '/opt/file.txt',
  'a FIFO with suffix': '/opt/fifo.raw',
  '/dev/null': '/dev/null',
  'an empty image': '/opt/empty.raw',
  'an image that is junk': '/opt/junk.raw',
  'a directory without os-release': '/opt/noos',
  'a raw image without os-release': '/opt/noosraw.raw',
  'a directory without units': '/opt/nounits',
  'a raw image without units': '/opt/nounitsraw.raw',
  'a directory without ID': '/opt/noid',
  'a raw image without ID': '/opt/noidraw.raw',
  'a directory with an empty ID': '/opt/emptyid',
  'a vendor image': 'vendor',
  'a directory': '/opt/dir',
  'a directory with a slash': '/opt/dir/',
  'a disk image with a slash': '/opt/foo_1.raw/',
  'a link to a directory': '/opt/linkdir',
  'a link to a raw image': '/opt/linkraw.raw',
  'a raw image': '/opt/foo_1.raw',
  'a directory of the pool': 'pool',
  'a raw image of the pool': 'poolraw_1',
  'a path in the pool': '/var/lib/portables/pool',
  'a versioned raw image': 'ver',
  'a versioned directory': 'vdir',
  'the path of a versioned raw image': '/var/lib/portables/ver.raw.v',
  'the path of a versioned directory': '/var/lib/portables/vdir.v',
  'a pattern in a versioned directory': '/var/lib/portables/ver.raw.v/ver___.raw',
  'a path of a version': '/var/lib/portables/ver.raw.v/ver_2.9.raw',
  'an empty versioned directory': '/opt/emptyv.raw.v',
};

/** Every method, with that image; attached images are detached again. */
const imageArguments: readonly Case[] = Object.entries(given).flatMap(([name, image]) => [
  {
    name: `${name}: reading`,
    steps: [
      onImage('GetImage', image),
      state(image),
      onImage('GetImageOSRelease', image),
      metadata(image),
      metadataLayers(image, []),
      stateLayers(image, []),
    ],
  },
  {
    name: `${name}: attaching`,
    steps: [
      attach(image),
      state(image),
      reattach(image),
      detach(image),
      detachLayers(image, []),
      reattach(image),
    ],
  },
  {
    name: `${name}: managing`,
    steps: [setLimit(image, 1n), onImage('RemoveImage', image)],
  },
]);

const flags: readonly Case[] = [
  ...[1n, 2n, 4n, 8n, 7n, 9n, 2n ** 63n, unlimited].map((value) => ({
    name: `flags ${value}`,
    steps: [
      metadataLayers('pool', [], value),
      stateLayers('pool', [], value),
      attachLayers('nope', [], { flags: value }),
      detachLayers('nope', [], value),
      { ...reattachFlags(value) },
      {
        path: `${imagesPath}/pool`,
        interface: imageInterface,
        member: 'GetStateWithExtensions',
        signature: 'ast',
        body: [[], value],
      },
    ],
  })),
  ...[0n, 1n, 2n ** 63n - 1n, 2n ** 63n, unlimited - 1n, unlimited].map((limit) => ({
    name: `limit ${limit}`,
    steps: [
      setLimit('pool', limit),
      setLimit('nope', limit),
      setLimit('/opt/foo_1.raw', limit),
      { member: 'SetPoolLimit', signature: 't', body: [limit] },
      {
        path: `${imagesPath}/pool`,
        interface: imageInterface,
        member: 'SetLimit',
        signature: 't',
        body: [limit],
      },
      { ...setLimit('nope', limit), uid: users.asked },
    ],
  })),
  ...['auto', 'COPY', 'symlink ', 'x', 'mixed,copy'].map((copy) => ({
    name: `copy mode '${copy}'`,
    steps: [
      attach('/opt/dir', { copy }),
      reattach('nope', { copy }),
      { ...attach('nope', { copy }), uid: users.asked },
    ],
  })),
];

function reattachFlags(value: bigint): CallStep {
  return { ...attachLayers('nope', [], { flags: value }), member: 'ReattachImageWithExtensions' };
}

const profiles: readonly Case[] = [
  ...['default', 'nonetwork', 'strict', 'trusted'].map((profile) => ({
    name: `profile ${profile}`,
    steps: [attach('/opt/all', { profile }), detach('/opt/all')],
  })),
  ...['nope', '.', '..', '../profile/default', 'default/', 'DEFAULT', ' default'].map((profile) => ({
    name: `profile '${profile}'`,
    steps: [attach('/opt/dir', { profile }), detach('/opt/dir')],
  })),
];

const matchLists: readonly (readonly string[])[] = [
  ['dir'],
  ['dir.service'],
  ['dir-a'],
  ['dir-'],
  ['dir.'],
  ['di'],
  ['dir', 'nope'],
  ['dir', 'other'],
  ['nope'],
  [''],
  ['DIR'],
  ['dir.timer'],
  ['../dir'],
  ['other', 'other'],
];

const prefixes: readonly (readonly string[])[] = [
  [],
  ['pfx'],
  ['other'],
  ['pfx', 'other'],
  ['third'],
  ['pfx.service'],
  ['pfx-x'],
  ['none'],
  ['pfx', 'fourth'],
  [''],
];

const matching: readonly Case[] = [
  ...matchLists.map((matches) => ({
    name: `matches ${JSON.stringify(matches)}`,
    steps: [metadata('/opt/dir', matches), attach('/opt/dir', { matches }), detach('/opt/dir')],
  })),
  {
    name: 'matches of a template',
    steps: [['all@'], ['all@.service'], ['all@x'], ['all']].map((matches) => metadata('/opt/all', matches)),
  },
  ...prefixes.map((matches) => ({
    name: `PORTABLE_PREFIXES with matches ${JSON.stringify(matches)}`,
    steps: [metadata('/opt/pfx', matches), attach('/opt/pfx', { matches }), detach('/opt/pfx')],
  })),
  ...['scopeuser', 'scopeany', 'scopesystem', 'scopebogus'].map((name) => ({
    name: `PORTABLE_SCOPE: ${name}`,
    steps: [metadata(`/opt/${name}`), attach(`/opt/${name}`), detach(`/opt/${name}`)],
  })),
];

const callers: readonly Case[] = Object.entries(users).flatMap(([name, uid]) => [
  {
    name: `a user who is ${name} reads`,
    steps: [
      listImages,
      onImage('GetImage', 'pool'),
      onImage('GetImage', 'nope'),
      state('pool'),
      state('/opt/dir'),
      state('/opt/nope'),
      stateLayers('pool', ['/opt/app.raw']),
      onImage('GetImageOSRelease', 'vendor'),
      onImage('GetImageOSRelease', 'nope'),
      onImage('GetImageOSRelease', '/opt/dir'),
      onImage('GetImageOSRelease', '/opt/nope'),
      onImage('GetImageOSRelease', '/opt//nope'),
      metadata('vendor'),
      metadata('nope'),
      metadata('/opt/dir'),
      metadata('/opt/nope'),
      metadataLayers('/opt/dir', []),
      { path: `${imagesPath}/vendor`, interface: imageInterface, member: 'GetOSRelease' },
      {
        path: `${imagesPath}/vendor`,
        interface: imageInterface,
        member: 'GetMetadata',
        signature: 'as',
        body: [[]],
      },
      { path: `${imagesPath}/vendor`, interface: imageInterface, member: 'GetState' },
    ].map((call) => ({ ...call, uid })),
  },
  {
    name: `a user who is ${name} attaches and detaches`,
    steps: [
      attach('/opt/dir', { uid }),
      attach('nope', { uid }),
      attach('', { uid }),
      attach('/opt/dir', { copy: 'x', uid }),
      attachLayers('/opt/dir', [], { flags: 9n, uid }),
      reattach('/opt/dir', { uid }),
      detach('nope', true, uid),
      detach('/opt/dir', true, uid),
      {
        path: `${imagesPath}/vendor`,
        interface: imageInterface,
        member: 'Detach',
        signature: 'b',
        body: [true],
        uid,
      },
    ],
  },
  {
    name: `a user who is ${name} manages`,
    steps: [
      onImage('RemoveImage', 'nope', uid),
      onImage('RemoveImage', '', uid),
      onImage('RemoveImage', '/opt/foo_2.raw', uid),
      onImage('RemoveImage', 'vendor', uid),
      markReadOnly('nope', true, uid),
      markReadOnly('vendor', true, uid),
      markReadOnly('/opt/foo_1.raw', true, uid),
      setLimit('pool', 1n, uid),
      { member: 'SetPoolLimit', signature: 't', body: [1n], uid },
      { path: `${imagesPath}/pool`, interface: imageInterface, member: 'Remove', uid },
    ],
  },
  {
    name: `a user who is ${name} calls what there is not`,
    steps: [
      { member: 'Frob', uid },
      { interface: 'a.b', member: 'Frob', uid },
      { interface: null, member: 'ListImages', uid },
      { path: '/nonexistent', interface: 'org.freedesktop.DBus.Peer', member: 'Ping', uid },
      { path: `${imagesPath}/nope`, interface: imageInterface, member: 'GetState', uid },
      { member: 'GetImage', signature: 'ss', body: ['a', 'b'], uid },
      { member: 'RemoveImage', signature: '', uid },
    ],
  },
]);

export const argumentCases: readonly Case[] = [
  ...imageArguments,
  ...flags,
  ...profiles,
  ...matching,
  ...callers,
];
