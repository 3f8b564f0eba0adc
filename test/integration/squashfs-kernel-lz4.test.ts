/** Against the kernel: squashfs compressed with lz4, in every layout of mksquashfs. Needs root and loop devices. */
import { describe } from 'node:test';
import { compareCompressor, compareOptions, squashfsComparisons } from '../support/squashfs-compare.ts';

const comparisons = squashfsComparisons('squashfs-kernel-lz4');

describe('the squashfs reader and the kernel agree', () => {
  compareCompressor(comparisons, 'lz4');
  compareOptions(comparisons, [['-comp', 'lz4', '-Xhc']]);
});
