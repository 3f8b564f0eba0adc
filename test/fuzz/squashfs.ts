/** Fuzz target: the squashfs reader. */
import type { FuzzTarget } from './fuzz.ts';
import { openSquashfs } from '../../src/disk/squashfs/index.ts';
import { smallImages } from '../support/squashfs-images.ts';

export const squashfsTarget: FuzzTarget = { name: 'squashfs', images: smallImages, open: openSquashfs };
