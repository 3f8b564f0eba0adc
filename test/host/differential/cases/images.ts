/** Images: listing, read-only, removal, links, names. */
import {
  attach,
  detach,
  get,
  getAll,
  imageInterface,
  imagesPath,
  introspect,
  listImages,
  markReadOnly,
  metadata,
  onImage,
  run,
  state,
  write,
} from '../calls.ts';
import type { Case, HostStep } from '../case.ts';

const pool = '/var/lib/portables';
const copy = (to: string): HostStep => run('cp', '-a', '/opt/dir', to);
const copyRaw = (to: string): HostStep => run('cp', '-a', '/opt/foo_1.raw', to);
const link = (target: string, at: string): HostStep => run('ln', '-s', target, at);

const listing: readonly Case[] = [
  { name: 'the list of images', steps: [listImages] },
  {
    name: 'what is an image',
    steps: [
      copy(`${pool}/.hidden`),
      copy(`${pool}/.sysupdate.x`),
      copyRaw(`${pool}/.sysupdate.y.raw`),
      copy(`${pool}/.#lock`),
      copyRaw(`${pool}/CAPITAL.RAW`),
      copyRaw(`${pool}/a.raw.bak`),
      copyRaw(`${pool}/a.raw`),
      write(`${pool}/a.verity`, ''),
      write(`${pool}/a.roothash`, ''),
      write(`${pool}/a.nspawn`, ''),
      write(`${pool}/file`, ''),
      run('mkfifo', `${pool}/fifo.raw`),
      run('mkdir', `${pool}/empty.v`),
      run('mkdir', `${pool}/empty`),
      link('/opt/dir', `${pool}/linkdir`),
      link('/opt/foo_1.raw', `${pool}/linkraw.raw`),
      link('/opt/foo_1.raw', `${pool}/linkwithout`),
      link('/nonexistent', `${pool}/broken`),
      listImages,
      introspect(imagesPath),
      ...['_2ehidden', 'linkdir', 'linkraw', 'linkwithout', 'empty', 'broken', 'fifo', 'a'].map((label) =>
        getAll(`${imagesPath}/${label}`, imageInterface),
      ),
    ],
  },
  {
    name: 'names with other than letters',
    steps: [
      ...[
        'with blank',
        'per%cent',
        'back\\slash',
        'semi;colon',
        'umläut',
        'co:lon',
        'plus+1',
        '7up',
        "quo'te",
      ].map((name) => copy(`${pool}/${name}`)),
      listImages,
      introspect(imagesPath),
    ],
  },
  {
    name: 'one looping link',
    steps: [link('loop', `${pool}/loop`), listImages, metadata('pool'), introspect(imagesPath)],
  },
  {
    name: 'shadowing',
    steps: [
      run('mkdir', '-p', '/etc/portables', '/run/portables'),
      copy('/etc/portables/pool'),
      link('/opt/foo_2.raw', '/run/portables/vendor.raw'),
      listImages,
      get(`${imagesPath}/pool`, imageInterface, 'Path'),
      get(`${imagesPath}/vendor`, imageInterface, 'Path'),
      attach('pool'),
      detach('pool'),
    ],
  },
  {
    name: 'images at the root of a host',
    steps: [
      onImage('GetImageOSRelease', '/'),
      metadata('/'),
      onImage('RemoveImage', '/'),
      markReadOnly('/', true),
    ],
  },
];

const readOnly: readonly Case[] = [
  {
    name: 'MarkImageReadOnly of a raw image',
    steps: [
      markReadOnly('poolraw_1', true),
      get(`${imagesPath}/poolraw_5f1`, imageInterface, 'ReadOnly'),
      markReadOnly('poolraw_1', true),
      onImage('RemoveImage', 'poolext_1'),
      markReadOnly('poolraw_1', false),
      get(`${imagesPath}/poolraw_5f1`, imageInterface, 'ReadOnly'),
      markReadOnly('poolraw_1', false),
    ],
  },
  {
    name: 'MarkImageReadOnly of odd modes',
    steps: [
      run('chmod', '666', `${pool}/poolraw_1.raw`),
      markReadOnly('poolraw_1', true),
      markReadOnly('poolraw_1', false),
      run('chmod', '040', `${pool}/poolraw_1.raw`),
      markReadOnly('poolraw_1', false),
      markReadOnly('poolraw_1', true),
    ],
  },
  { name: 'MarkImageReadOnly by path', steps: [markReadOnly('/opt/foo_1.raw', true), listImages] },
  {
    name: 'MarkImageReadOnly of a directory',
    steps: [
      markReadOnly('pool', true),
      get(`${imagesPath}/pool`, imageInterface, 'ReadOnly'),
      markReadOnly('pool', false),
      get(`${imagesPath}/pool`, imageInterface, 'ReadOnly'),
    ],
  },
  {
    name: 'MarkImageReadOnly of a vendor image',
    steps: [markReadOnly('vendor', true), markReadOnly('local', false)],
  },
  {
    name: 'MarkReadOnly of the image object',
    steps: [
      {
        path: `${imagesPath}/poolraw_5f1`,
        interface: imageInterface,
        member: 'MarkReadOnly',
        signature: 'b',
        body: [true],
      },
      get(`${imagesPath}/poolraw_5f1`, imageInterface, 'ReadOnly'),
    ],
  },
];

const removal: readonly Case[] = [
  {
    name: 'RemoveImage of a directory',
    steps: [onImage('RemoveImage', 'pool'), onImage('RemoveImage', 'pool')],
  },
  { name: 'RemoveImage of a raw image', steps: [onImage('RemoveImage', 'poolraw_1'), state('poolraw_1')] },
  {
    name: 'Remove of the image object',
    steps: [
      { path: `${imagesPath}/pool`, interface: imageInterface, member: 'Remove' },
      { path: `${imagesPath}/pool`, interface: imageInterface, member: 'Remove' },
    ],
  },
  {
    name: 'RemoveImage with auxiliary files',
    steps: [
      ...['roothash', 'roothash.p7s', 'usrhash', 'usrhash.p7s', 'verity', 'nspawn'].map((suffix) =>
        write(`${pool}/poolraw_1.${suffix}`, ''),
      ),
      write(`${pool}/poolraw_1.other`, ''),
      onImage('RemoveImage', 'poolraw_1'),
    ],
  },
  {
    name: 'RemoveImage by path',
    steps: [onImage('RemoveImage', '/opt/foo_2.raw'), onImage('RemoveImage', '/opt/dir')],
  },
  {
    name: 'RemoveImage of a vendor image',
    steps: [onImage('RemoveImage', 'vendor'), onImage('RemoveImage', 'local')],
  },
  {
    name: 'RemoveImage of a link',
    steps: [link('/opt/dir', `${pool}/linkdir`), onImage('RemoveImage', 'linkdir')],
  },
  { name: 'RemoveImage of a version', steps: [onImage('RemoveImage', 'vdir'), onImage('GetImage', 'vdir')] },
  {
    name: 'RemoveImage while attached',
    steps: [attach('pool'), onImage('RemoveImage', 'pool'), state('pool')],
  },
  {
    name: 'RemoveImage while another version is attached',
    steps: [attach('/opt/foo_1.raw'), onImage('RemoveImage', '/opt/foo_2.raw')],
  },
  {
    name: 'RemoveImage of a read-only raw image',
    steps: [markReadOnly('poolraw_1', true), onImage('RemoveImage', 'poolraw_1')],
  },
];

const oddNames = {
  'a blank': 'sp ace',
  'an apostrophe': "apo'strophe",
  'a percent sign': 'per%cent',
  'dollar, hash and equals': 'a$b#c=d',
  'a plus': 'plus+1',
  'a quote': 'quo"te',
  'a backslash': 'back\\slash',
  'a colon': 'co:lon',
  'a letter beyond ASCII': 'umläut',
  'an underscore only': '_',
};

const names: readonly Case[] = Object.entries(oddNames).map(([what, name]) => ({
  name: `an image with ${what} in its name`,
  steps: [
    copy(`/opt/${name}`),
    attach(`/opt/${name}`),
    state(`/opt/${name}`),
    detach(`/opt/${name}`),
    state('pool'),
  ],
}));

const unwritable: readonly Case[] = [
  {
    name: 'an image with a newline in its path',
    steps: [copy('/opt/new\nline'), attach('/opt/new\nline')],
  },
  {
    name: 'an image linked into the pool',
    steps: [
      link('/opt/foo_1.raw', `${pool}/linkraw.raw`),
      attach('linkraw'),
      state('linkraw'),
      state(`${pool}/linkraw.raw`),
      state('/opt/foo_1.raw'),
      detach('linkraw'),
      detach(`${pool}/linkraw.raw`),
      detach('/opt/foo_1.raw'),
    ],
  },
];

export const imageCases: readonly Case[] = [...listing, ...readOnly, ...removal, ...names, ...unwritable];
