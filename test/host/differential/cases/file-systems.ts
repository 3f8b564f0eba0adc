/** Images of every file system: those that the service manager mounts, and those that it does not. */
import {
  attach,
  attachLayers,
  detach,
  detachLayers,
  metadata,
  metadataLayers,
  onImage,
  state,
} from '../calls.ts';
import type { Case } from '../case.ts';
import { fileSystemImages } from '../file-system-fixtures.ts';

const path = (name: string): string => `/opt/fs_${name}.raw`;

const each = (kind: string, names: readonly string[]): readonly Case[] =>
  names.map((name) => ({
    name: `${kind}: ${name}`,
    steps: [
      metadata(path(name)),
      onImage('GetImageOSRelease', path(name)),
      attach(path(name), { profile: 'default' }),
      state(path(name)),
      detach(path(name)),
    ],
  }));

const extensions: Case = {
  name: 'a file system that is not mounted: of an extension',
  steps: [
    metadataLayers(path('ext4'), [path('extension')]),
    attachLayers(path('ext4'), [path('extension')]),
    detachLayers(path('ext4'), [path('extension')]),
  ],
};

export const fileSystemCases: readonly Case[] = [
  ...each('a file system that is mounted', fileSystemImages.mounted),
  ...each('a file system of a boot loader', fileSystemImages.boot),
  ...each('a file system that is not mounted', fileSystemImages.unsuitable),
  extensions,
];
