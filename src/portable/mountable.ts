/** Whether the service manager will be able to mount the images of an attachment (spec "Attaching"). */
import { existsSync } from 'node:fs';
import { PortableError, quoted } from '../base/errors.ts';
import { onDisk } from '../base/logical-path.ts';
import { isTree, type Image } from '../images/image.ts';
import type { PortableContext } from './context.ts';
import type { Stack } from './layers.ts';

/** The first systemd whose user managers have disk images mounted by systemd-mountfsd(8). */
const delegatesMounts = 256;

/** Where systemd-mountfsd listens (its socket unit). */
const mountService = '/run/systemd/io.systemd.MountFileSystem';

/**
 * Refuses disk images that a user's service manager has no way to mount: the units would be attached and never start.
 * @throws PortableError NotSupported naming the image, and what would work
 */
export async function checkMountable(
  { root, paths, manager }: Pick<PortableContext, 'root' | 'paths' | 'manager'>,
  stack: Stack,
): Promise<void> {
  if (paths.scope !== 'user') return;
  const disk = [stack.root, ...stack.extensions].find(({ image }) => !isTree(image.type));
  const version = await manager.version();
  if (disk === undefined || version === undefined) return;
  if (version < delegatesMounts) {
    throw cannotMount(disk.image, `the service managers of users (systemd ${version}) cannot mount any`);
  }
  if (existsSync(onDisk(root, mountService))) return;
  throw cannotMount(
    disk.image,
    'systemd-mountfsd, which mounts them for users, does not run',
    'or have the administrator enable systemd-mountfsd.socket and systemd-nsresourced.socket',
  );
}

function cannotMount(image: Image, why: string, otherwise?: string): PortableError {
  const unpacked = 'unpack it, and attach the directory';
  return new PortableError(
    'NotSupported',
    `${quoted(image.path)} is a disk image, and cannot be attached for a user: ${why}`,
    { file: image.path, hint: otherwise === undefined ? unpacked : `${unpacked}, ${otherwise}` },
  );
}
