/** Fuzz target: the xfs reader. The images are the fixtures, packed; checksums are right whatever is changed. */
import { openXfs } from '../../src/disk/xfs/index.ts';
import { pack, unpacked } from '../support/xfs-packed.ts';
import { type XfsFixture, xfsFixture, xfsFixtures } from '../support/xfs-sample.ts';
import type { FuzzTarget } from './fuzz.ts';

export const xfsTarget: FuzzTarget = {
  name: 'xfs',
  images: () =>
    Promise.resolve(
      (Object.keys(xfsFixtures) as XfsFixture[]).map((name) => ({ name, ...pack(xfsFixture(name)) })),
    ),
  open: async (source, budget) =>
    openXfs(unpacked(await source.read(0n, Number(source.size)), 'fuzz'), budget),
};
