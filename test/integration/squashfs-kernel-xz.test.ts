/** Against the kernel: squashfs compressed with xz, in every layout of mksquashfs. Needs root and loop devices. */
import { describe } from 'node:test';
import { compareCompressor, compareOptions, squashfsComparisons } from '../support/squashfs-compare.ts';

const comparisons = squashfsComparisons('squashfs-kernel-xz');

describe('the squashfs reader and the kernel agree', () => {
  compareCompressor(comparisons, 'xz');
  compareOptions(comparisons, [
    ['-comp', 'xz', '-Xdict-size', '8K'],
    ['-comp', 'xz', '-b', '1M', '-Xdict-size', '100%'],
    ...['x86', 'arm', 'armthumb', 'powerpc', 'sparc', 'ia64'].map((filter) => [
      '-comp',
      'xz',
      '-Xbcj',
      filter,
    ]),
    ['-comp', 'xz', '-b', '1M', '-Xbcj', 'x86,arm,armthumb,powerpc,sparc,ia64'],
  ]);
});
