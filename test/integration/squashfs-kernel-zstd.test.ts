/** Against the kernel: squashfs compressed with zstd, in every layout of mksquashfs. Needs root and loop devices. */
import { describe } from 'node:test';
import { compareCompressor, compareOptions, squashfsComparisons } from '../support/squashfs-compare.ts';

const comparisons = squashfsComparisons('squashfs-kernel-zstd');

describe('the squashfs reader and the kernel agree', () => {
  compareCompressor(comparisons, 'zstd');
  compareOptions(comparisons, [
    ['-comp', 'zstd', '-Xcompression-level', '1'],
    ['-comp', 'zstd', '-Xcompression-level', '22', '-b', '1M'],
  ]);
});
