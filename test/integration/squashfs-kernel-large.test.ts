/** Against the kernel: squashfs with a large file. Needs root and loop devices. */
import { describe, it } from 'node:test';
import { squashfsComparisons } from '../support/squashfs-compare.ts';

const { equalsKernel } = squashfsComparisons('squashfs-kernel-large');

describe('a file of 200 MB', () => {
  it('is the same with gzip', equalsKernel('big', ['-comp', 'gzip']));
  it(
    'is the same with zstd and blocks of 1 MiB',
    equalsKernel('big', ['-comp', 'zstd', '-b', '1M', '-Xcompression-level', '3']),
  );
});
