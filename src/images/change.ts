/** Changing images: removing them, marking them read-only, limiting them (spec "Images", Type facts). */
import { chmod, lstat, rm, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { PortableError, errnoOf, fileError, quoted } from '../base/errors.ts';
import { onDisk, resolvedOnDisk } from '../base/logical-path.ts';
import { removeTree } from '../base/remove-tree.ts';
import { setDeviceReadOnly } from '../host/block-device.ts';
import { deleteSubvolume, setQuotaLimit, setSubvolumeReadOnly } from '../host/btrfs.ts';
import { setImmutable } from '../host/file-attributes.ts';
import { isVendor } from './facts.ts';
import { unknownSize } from './image.ts';
import type { Image } from './image.ts';

/** Files that belong to a disk image and go with it. */
const auxiliarySuffixes = [
  '.nspawn',
  '.oci-config',
  '.roothash',
  '.roothash.p7s',
  '.usrhash',
  '.usrhash.p7s',
  '.verity',
];

/**
 * Removes an image from where it was found. Of a symlink only the link goes.
 * The caller has made sure that it is not attached.
 * @throws PortableError ReadOnlyFileSystem for vendor images; what the file system says
 */
export async function removeImage(root: string, image: Image): Promise<void> {
  refuseVendor(image, 'removed');
  const at = resolvedOnDisk(root, image.foundAt, { followLast: false });
  try {
    if ((await lstat(at)).isSymbolicLink()) {
      await unlink(at);
      return;
    }
  } catch (error) {
    throw fileError(error, 'remove', image.foundAt);
  }
  switch (image.type) {
    case 'subvolume':
      await setSubvolumeReadOnly(at, false);
      return deleteSubvolume(at);
    case 'directory':
      return removeDirectory(at);
    case 'raw':
    case 'block':
      return removeFile(at, image);
  }
}

async function removeDirectory(at: string): Promise<void> {
  await clearImmutable(at);
  await removeTree(at);
}

async function removeFile(at: string, image: Image): Promise<void> {
  try {
    await unlink(at);
    const base = path.join(path.dirname(at), path.basename(at, '.raw'));
    await Promise.all(auxiliarySuffixes.map((suffix) => rm(base + suffix, { force: true })));
  } catch (error) {
    throw fileError(error, 'remove', image.foundAt);
  }
}

/** Clears the immutable attribute where it is set: removing an entry of an immutable directory fails with EPERM. */
async function clearImmutable(at: string): Promise<void> {
  try {
    await chmod(at, (await stat(at)).mode & 0o7777);
  } catch (error) {
    if (errnoOf(error) === 'EPERM') return setImmutable(at, false);
    throw fileError(error, 'remove', at);
  }
}

/**
 * Marks an image read-only, or writable again, by the means of its type.
 * @throws PortableError ReadOnlyFileSystem for vendor images
 */
export async function markReadOnly(root: string, image: Image, readOnly: boolean): Promise<void> {
  refuseVendor(image, 'changed');
  const at = onDisk(root, image.path);
  switch (image.type) {
    case 'subvolume':
      return setSubvolumeReadOnly(at, readOnly);
    case 'directory':
      return setImmutable(at, readOnly);
    case 'block':
      return setDeviceReadOnly(at, readOnly);
    case 'raw':
      try {
        const { mode } = await stat(at);
        await chmod(at, readOnly ? mode & 0o7555 : (mode & 0o7777) | 0o200);
        return;
      } catch (error) {
        throw fileError(error, 'change the mode of', image.path);
      }
  }
}

/**
 * Limits the size of an image, or of the whole pool.
 * @param bytes the maximum uint64 lifts the limit
 * @throws PortableError NotSupported for anything but a btrfs subvolume with quota on
 */
export async function setImageLimit(root: string, image: Image, bytes: bigint): Promise<void> {
  refuseVendor(image, 'changed');
  if (image.type !== 'subvolume') {
    throw new PortableError(
      'NotSupported',
      `the size of ${quoted(image.path)} cannot be limited: it is a ${image.type} image`,
      {
        file: image.path,
        hint: 'only btrfs subvolumes have quota limits',
      },
    );
  }
  await setQuotaLimit(onDisk(root, image.path), bytes === unknownSize ? undefined : bytes);
}

function refuseVendor(image: Image, done: string): void {
  if (isVendor(image)) {
    throw new PortableError(
      'ReadOnlyFileSystem',
      `${quoted(image.foundAt)} belongs to the vendor and cannot be ${done}`,
      {
        file: image.foundAt,
        hint: 'images below /usr come and go with their package',
      },
    );
  }
}
