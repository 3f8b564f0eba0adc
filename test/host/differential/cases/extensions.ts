/** Extensions: which are taken, what they put into drop-ins, and which attachment is meant. */
import {
  attachLayers,
  detach,
  detachLayers,
  force,
  forceExtension,
  listImages,
  metadataLayers,
  onImage,
  reattachLayers,
  runtime,
  state,
  stateLayers,
} from '../calls.ts';
import type { Case } from '../case.ts';

const stacks: readonly (readonly [string, readonly string[]])[] = [
  ['/opt/base.raw', ['/opt/app.raw']],
  ['/opt/base_d', ['/opt/app_d']],
  ['/opt/base.raw', ['/opt/app_d', '/opt/conf.raw']],
  ['/opt/base_d', ['/opt/app.raw', '/opt/conf_d']],
  ['/opt/base.raw', ['/opt/conf.raw', '/opt/app.raw']],
  ['/opt/baseunit.raw', ['/opt/app.raw', '/opt/unitless.raw']],
  ['/opt/base.raw', ['poolext_1']],
  ['pool', ['/opt/unitless.raw']],
];

const layered: readonly Case[] = stacks.flatMap(([image, extensions]) => [
  {
    name: `${image} with ${extensions.join(' ')}`,
    steps: [
      metadataLayers(image, extensions),
      attachLayers(image, extensions, { profile: 'default' }),
      stateLayers(image, extensions),
      detach(image),
      reattachLayers(image, extensions, { profile: 'strict' }),
      detachLayers(image, extensions),
      stateLayers(image, extensions),
    ],
  },
  ...['copy', 'symlink', 'mixed'].map((copy) => ({
    name: `${image} with ${extensions.join(' ')}, copy mode ${copy}`,
    steps: [attachLayers(image, extensions, { copy, flags: 0n }), detachLayers(image, extensions, 0n)],
  })),
]);

const single = [
  ...[
    'app_2',
    'appv_2',
    'wrongname',
    'wrongid',
    'wrongver',
    'any',
    'extnoid',
    'arch',
    'archany',
    'scopeno',
    'scopeyes',
  ],
  ...['pfxext', 'pfxsysext', 'unitless', 'conflevel', 'level2', 'level9', 'nolevel'],
].map((name) => `/opt/${name}.raw`);

const fitting: readonly Case[] = [
  ...[...single, '/opt/wrongname_d', '/opt/norelease_d'].flatMap((extension) => [
    {
      name: `extension ${extension}`,
      steps: [
        metadataLayers('/opt/base.raw', [extension]),
        attachLayers('/opt/base.raw', [extension]),
        detachLayers('/opt/base.raw', [extension]),
      ],
    },
    {
      name: `extension ${extension}, forced`,
      steps: [
        metadataLayers('/opt/base.raw', [extension], forceExtension),
        attachLayers('/opt/base.raw', [extension], { flags: runtime | forceExtension }),
        detachLayers('/opt/base.raw', [extension]),
      ],
    },
  ]),
  ...['/opt/level2.raw', '/opt/level9.raw', '/opt/nolevel.raw', '/opt/conflevel.raw', '/opt/app.raw'].flatMap(
    (extension) =>
      ['/opt/baselevel.raw', '/opt/basenover.raw', '/opt/baselike.raw'].map((image) => ({
        name: `${image} with ${extension}`,
        steps: [
          attachLayers(image, [extension, '/opt/any.raw']),
          detachLayers(image, [extension, '/opt/any.raw']),
        ],
      })),
  ),
  {
    name: 'prefixes of image and extensions together',
    steps: [
      attachLayers('/opt/basepfx.raw', ['/opt/pfxext.raw'], { matches: ['app'] }),
      detachLayers('/opt/basepfx.raw', ['/opt/pfxext.raw']),
      attachLayers('/opt/basepfx.raw', ['/opt/pfxext.raw'], { matches: ['nope'] }),
      attachLayers('/opt/basepfx.raw', ['/opt/pfxext.raw'], { matches: ['basepfx', 'second'] }),
      detachLayers('/opt/basepfx.raw', ['/opt/pfxext.raw']),
    ],
  },
];

const bad: readonly Case[] = [
  '',
  '.',
  'nope',
  'a/b',
  '/opt/nope',
  '/opt/dir',
  '/opt//app.raw',
  '/opt/file.txt',
].map((extension) => ({
  name: `extension '${extension}'`,
  steps: [
    metadataLayers('/opt/base.raw', [extension]),
    attachLayers('/opt/base.raw', [extension]),
    stateLayers('/opt/base.raw', [extension]),
    detachLayers('/opt/base.raw', [extension]),
  ],
}));

const app = '/opt/app.raw';
const conf = '/opt/conf.raw';

const which: readonly Case[] = [
  {
    name: 'which extensions mean an attachment',
    steps: [
      attachLayers('/opt/base.raw', [app, conf]),
      state('/opt/base.raw'),
      stateLayers('/opt/base.raw', []),
      stateLayers('/opt/base.raw', [app]),
      stateLayers('/opt/base.raw', [conf, app]),
      stateLayers('/opt/base.raw', ['/opt/app_2.raw', conf]),
      stateLayers('/opt/base.raw', ['/opt/any.raw', conf]),
      stateLayers('/opt/base_d', [app, conf]),
      detach('/opt/base.raw'),
      detachLayers('/opt/base.raw', [app]),
      detachLayers('/opt/base.raw', [conf, app]),
      detachLayers('/opt/base.raw', ['/opt/any.raw', conf]),
      detachLayers('/opt/base.raw', [app, conf]),
    ],
  },
  {
    name: 'a list of images, one of them attached with extensions',
    steps: [
      attachLayers('/opt/base.raw', [app, conf]),
      listImages,
      ...['/opt/app.raw', 'app', 'conf', 'base', '/opt/base_d'].map(state),
      onImage('RemoveImage', '/opt/app.raw'),
      onImage('RemoveImage', '/opt/base.raw'),
      onImage('RemoveImage', '/opt/base_d'),
    ],
  },
  {
    name: 'reattach to another version of an extension',
    steps: [
      attachLayers('/opt/base.raw', [app, conf]),
      reattachLayers('/opt/base.raw', ['/opt/app_2.raw', conf]),
      detachLayers('/opt/base.raw', ['/opt/app_2.raw', conf]),
    ],
  },
  {
    name: 'reattach with other extensions',
    steps: [
      attachLayers('/opt/base.raw', [app, conf]),
      reattachLayers('/opt/base.raw', [app]),
      reattachLayers('/opt/base.raw', []),
      detachLayers('/opt/base.raw', [app, conf], runtime | force),
    ],
  },
  {
    name: 'two attachments share an image',
    steps: [
      attachLayers('/opt/baseunit.raw', ['/opt/any.raw'], { matches: ['app'] }),
      attachLayers('/opt/baseunit.raw', ['/opt/unitless.raw']),
      detachLayers('/opt/baseunit.raw', ['/opt/any.raw']),
      detachLayers('/opt/baseunit.raw', ['/opt/unitless.raw']),
    ],
  },
  {
    name: 'the same extension twice',
    steps: [attachLayers('/opt/base.raw', [app, app]), detachLayers('/opt/base.raw', [app, app])],
  },
];

export const extensionCases: readonly Case[] = [...layered, ...fitting, ...bad, ...which];
