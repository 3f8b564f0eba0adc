/** Against unsquashfs, as the kernel has no lzma: squashfs in every layout of mksquashfs. Needs root. */
import { describe, it } from 'node:test';
import { blockSizes, layouts, squashfsComparisons } from '../support/squashfs-compare.ts';

const { equalsUnsquashfs } = squashfsComparisons('squashfs-kernel-lzma');

describe('the squashfs reader and unsquashfs agree', () => {
  for (const blockSize of blockSizes) {
    it(`on -comp lzma -b ${blockSize}`, equalsUnsquashfs('small', ['-comp', 'lzma', '-b', blockSize]));
  }
  for (const layout of layouts) {
    it(`on -comp lzma ${layout.join(' ')}`, equalsUnsquashfs('small', ['-comp', 'lzma', ...layout]));
  }
});
