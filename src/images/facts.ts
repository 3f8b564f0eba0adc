/**
 * What stat(2) and the file system tell of an image: the bus properties (spec "Images", Type facts). Calls on the inode
 * are synchronous, as in disk/inode.ts: a listing makes two for every image.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { deviceSize, isReadOnlyDevice } from '../base/device.ts';
import { errnoOf, fileError } from '../base/errors.ts';
import { onDisk } from '../base/logical-path.ts';
import { isReadOnlySubvolume, quotaFigures, subvolumeCreation } from '../host/btrfs.ts';
import { unknownSize } from './image.ts';
import type { Image, ImageFacts } from './image.ts';

const usPerNs = 1000n;
const blockUnit = 512n;
const anyWriteBit = 0o222n;

/**
 * The facts about an image.
 * @param root directory that stands for "/"
 * @throws PortableError when the image is gone, or cannot be looked at
 */
export async function imageFacts(root: string, image: Image): Promise<ImageFacts> {
  const at = onDisk(root, image.path);
  let st;
  try {
    st = statSync(at, { bigint: true });
  } catch (error) {
    throw fileError(error, 'look at the image', image.path);
  }
  const created = st.birthtimeNs / usPerNs;
  switch (image.type) {
    case 'directory':
      return { ...unknown, creationTime: created, readOnly: isVendor(image) || !canChange(at) };
    case 'raw': {
      const usage = st.blocks * blockUnit;
      const readOnly = isVendor(image) || (st.mode & anyWriteBit) === 0n || !canChange(at);
      const sizes = { usage, usageExclusive: usage, limit: st.size, limitExclusive: st.size };
      return { readOnly, creationTime: created, modificationTime: st.mtimeNs / usPerNs, ...sizes };
    }
    case 'block': {
      const size = deviceSize(st.rdev);
      const readOnly = isVendor(image) || (st.mode & anyWriteBit) === 0n || isReadOnlyDevice(st.rdev);
      return { ...unknown, readOnly, usage: size, limit: size, usageExclusive: size, limitExclusive: size };
    }
    case 'subvolume': {
      const [quota, readOnly, creationTime] = await Promise.all([
        quotaFigures(at),
        isReadOnlySubvolume(at),
        subvolumeCreation(at),
      ]);
      return {
        readOnly: isVendor(image) || readOnly || !canChange(at),
        creationTime,
        modificationTime: st.ctimeNs / usPerNs,
        usage: quota.referenced ?? unknownSize,
        limit: quota.maxReferenced ?? unknownSize,
        usageExclusive: quota.exclusive ?? unknownSize,
        limitExclusive: quota.maxExclusive ?? unknownSize,
      };
    }
  }
}

const unknown: ImageFacts = {
  readOnly: false,
  creationTime: 0n,
  modificationTime: 0n,
  usage: unknownSize,
  limit: unknownSize,
  usageExclusive: unknownSize,
  limitExclusive: unknownSize,
};

/** Images below /usr belong to the vendor: they are shown read-only, and never changed or removed. */
export function isVendor(image: Pick<Image, 'path' | 'foundAt'>): boolean {
  return image.path.startsWith('/usr/') || image.foundAt.startsWith('/usr/');
}

/**
 * Whether the file system and the immutable attribute let anyone change this inode. access(2) tells without an ioctl:
 * EROFS and EPERM are decided before permission bits are looked at (which would be EACCES).
 */
function canChange(at: string): boolean {
  try {
    accessSync(at, constants.W_OK);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    return errno !== 'EROFS' && errno !== 'EPERM';
  }
}
