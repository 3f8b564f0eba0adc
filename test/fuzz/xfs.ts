/** Fuzz target: the xfs reader. The images are the fixtures, packed; checksums are right whatever is changed. */
import { openXfs } from '../../src/disk/xfs/index.ts';
import { pack, unpacked } from '../support/xfs-packed.ts';
import { type XfsFixture, xfsFixture } from '../support/xfs-sample.ts';
import type { FuzzTarget } from './fuzz.ts';

/** The one with the largest directory takes as long as all others together. */
const images: readonly XfsFixture[] = [
  'blocks-1024',
  ...(['blocks-4096', 'old', 'parent'] as const),
  ...(['blocks-4096', 'old', 'parent'] as const),
];

export const xfsTarget: FuzzTarget = {
  name: 'xfs',
  images: () => Promise.resolve(images.map((name) => ({ name, ...pack(xfsFixture(name)) }))),
  open: async (source, budget) =>
    openXfs(unpacked(await source.read(0n, Number(source.size)), 'fuzz'), budget),
};
