/** Against the kernel: squashfs compressed with lzo, in every layout of mksquashfs. Needs root and loop devices. */
import { describe } from 'node:test';
import { compareCompressor, compareOptions, squashfsComparisons } from '../support/squashfs-compare.ts';

const comparisons = squashfsComparisons('squashfs-kernel-lzo');

describe('the squashfs reader and the kernel agree', () => {
  compareCompressor(comparisons, 'lzo');
  compareOptions(comparisons, [
    ['-comp', 'lzo', '-Xalgorithm', 'lzo1x_1'],
    ['-comp', 'lzo', '-Xalgorithm', 'lzo1x_1_15'],
  ]);
});
