/** Extensions: which extension-release file counts, and where extensions are found. */
import {
  attachLayers,
  detachLayers,
  forceExtension,
  metadataLayers,
  onImage,
  reattachLayers,
  runtime,
  stateLayers,
} from '../calls.ts';
import { releaseFiles, releaseTrees } from '../extension-fixtures.ts';
import type { Case } from '../case.ts';

const base = '/opt/base.raw';

/** All that is done with an extension. */
const steps = (extensions: readonly string[], image = base): Case['steps'] => [
  metadataLayers(image, extensions),
  attachLayers(image, extensions),
  stateLayers(image, extensions),
  detachLayers(image, extensions),
];

const releases: readonly Case[] = [...Object.keys(releaseTrees), ...Object.keys(releaseFiles)].map(
  (extension) => ({
    name: `release file: ${extension}`,
    steps: [
      ...steps([extension]),
      attachLayers(base, [extension], { flags: runtime | forceExtension }),
      detachLayers(base, [extension]),
    ],
  }),
);

const given: Readonly<Record<string, readonly string[]>> = {
  'a name': ['poolext_1'],
  'a name with the suffix': ['poolext_1.raw'],
  'a name without the version': ['poolext'],
  'the name of a versioned image': ['extraw'],
  'the name of a versioned directory': ['extdir'],
  'the path of a versioned image': ['/opt/exts.raw.v'],
  'the path of a versioned image, with a slash': ['/opt/exts.raw.v/'],
  'the path of a versioned directory': ['/opt/extdirs.v'],
  'one version of an image': ['/opt/exts.raw.v/exts_1.raw'],
  'one version of a directory': ['/opt/extdirs.v/extdirs_1'],
  'a pattern': ['/opt/exts.raw.v/exts___.raw'],
  'a link to an image': ['/opt/linkext.raw'],
  'a link to a directory': ['/opt/linkext_d'],
  'a directory with a slash': ['/opt/app_d/'],
  'an image with a slash': ['/opt/app.raw/'],
  'the image itself': [base],
  'a link and its target': ['/opt/linkext.raw', '/opt/app.raw'],
  'a name and its path': ['poolext_1', '/var/lib/portables/poolext_1.raw'],
  'two images of one name': ['/opt/app.raw', '/opt/other/app.raw'],
  'an image and a directory': ['/opt/app.raw', '/opt/app_d'],
};

const found: readonly Case[] = [
  ...Object.entries(given).map(([what, extensions]) => ({
    name: `extension by ${what}`,
    steps: steps(extensions),
  })),
  { name: 'an extension as the image', steps: steps(['/opt/any.raw'], '/opt/app.raw') },
  {
    name: 'reattach to the newest version of an extension',
    steps: [
      attachLayers('/opt/base_d', ['/opt/exts.raw.v/exts_1.raw']),
      reattachLayers('/opt/base_d', ['/opt/exts.raw.v']),
      detachLayers('/opt/base_d', ['/opt/exts.raw.v/exts_1.raw']),
    ],
  },
  {
    name: 'an extension that is gone',
    steps: [
      attachLayers(base, ['/opt/app.raw']),
      (host) => host.check(['rm', '/opt/app.raw']),
      stateLayers(base, ['/opt/app.raw']),
      detachLayers('base', ['app_7']),
    ],
  },
  {
    name: 'an image and its extension that are gone',
    steps: [
      attachLayers(base, ['/opt/app.raw']),
      (host) => host.check(['rm', '/opt/base.raw', '/opt/app.raw']),
      stateLayers('base_7', ['app+1']),
      detachLayers('base_7', ['app+1']),
    ],
  },
  {
    name: 'two images share an extension',
    steps: [
      attachLayers('/opt/baseunit.raw', ['/opt/unitless.raw']),
      attachLayers('/opt/foo_1.raw', ['/opt/unitless.raw']),
    ],
  },
  { name: 'three extension images', steps: steps(['/opt/any.raw', '/opt/unitless.raw', '/opt/app.raw']) },
  {
    name: 'the order of extensions',
    steps: [
      attachLayers('/opt/baseunit.raw', ['/opt/any.raw', '/opt/app_d']),
      detachLayers('/opt/baseunit.raw', ['/opt/app_d', '/opt/any.raw']),
      detachLayers('/opt/baseunit.raw', ['/opt/any.raw', '/opt/app_d']),
    ],
  },
  {
    name: 'a disk image with a slash, its os-release',
    steps: [onImage('GetImageOSRelease', '/opt/foo_1.raw/')],
  },
];

export const extensionFileCases: readonly Case[] = [...releases, ...found];
