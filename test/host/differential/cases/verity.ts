/** Images with hash trees. The kernels of most test machines have no dm-verity, so nothing is started from them. */
import { attach, attachLayers, detach, detachLayers, metadata, state } from '../calls.ts';
import type { Case } from '../case.ts';
import { verityImages } from '../verity-fixtures.ts';

const path = (name: string): string => `/opt/verity_${name}.raw`;

/** What both take, and attach. */
const taken: readonly (readonly [string, readonly string[]])[] = [
  ['a hash tree', verityImages.good],
  ['a hash tree without a signature', verityImages.unsigned],
];

/** What only systemd takes, or neither. */
const refused: readonly (readonly [string, readonly string[]])[] = [
  ['a bad hash tree', verityImages.bad],
  ['verity data that make no sense', verityImages.refused],
];

const each = (
  kinds: readonly (readonly [string, readonly string[]])[],
  steps: (image: string) => Case['steps'],
): readonly Case[] =>
  kinds.flatMap(([kind, names]) =>
    names.map((name) => ({ name: `${kind}: ${name}`, steps: steps(path(name)) })),
  );

const extension: Case = {
  name: 'a hash tree without a signature: an extension',
  steps: [
    attachLayers('/opt/base.raw', [path('extension')]),
    detachLayers('/opt/base.raw', [path('extension')]),
  ],
};

export const verityCases: readonly Case[] = [
  ...each(taken, (image) => [
    metadata(image),
    attach(image, { profile: 'default' }),
    state(image),
    detach(image),
  ]),
  ...each(refused, (image) => [metadata(image)]),
  extension,
];
