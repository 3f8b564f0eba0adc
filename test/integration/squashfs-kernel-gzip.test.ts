/** Against the kernel: squashfs compressed with gzip, in every layout of mksquashfs. Needs root and loop devices. */
import { describe } from 'node:test';
import { compareCompressor, compareOptions, squashfsComparisons } from '../support/squashfs-compare.ts';

const comparisons = squashfsComparisons('squashfs-kernel-gzip');

describe('the squashfs reader and the kernel agree', () => {
  compareCompressor(comparisons, 'gzip');
  compareOptions(comparisons, [
    ['-comp', 'gzip', '-Xcompression-level', '1', '-Xwindow-size', '8'],
    ['-comp', 'gzip', '-Xstrategy', 'huffman_only,run_length_encoded,fixed'],
    ...['8K', '16K', '32K', '64K', '256K', '512K'].map((blockSize) => ['-b', blockSize]),
  ]);
});
