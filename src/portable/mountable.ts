/** Whether the service manager will be able to mount the images of an attachment (spec "Attaching"). */
import { existsSync } from 'node:fs';
import { PortableError, quoted } from '../base/errors.ts';
import { onDisk } from '../base/logical-path.ts';
import { namedFileSystems } from '../disk/image-policy.ts';
import { mountPoints, type ImagePart } from '../disk/open.ts';
import { isTree, type Image } from '../images/image.ts';
import type { PortableContext } from './context.ts';
import type { Layer, Stack } from './layers.ts';

/** The first systemd whose user managers have disk images mounted by systemd-mountfsd(8). */
const delegatesMounts = 256;

/** Where systemd-mountfsd listens (its socket unit). */
const mountService = '/run/systemd/io.systemd.MountFileSystem';

/**
 * The first systemd that mounts only file systems of a list (systemd pull request 25817); 252 leaves it to the kernel.
 * The list had no f2fs before 255.
 */
const hasList = 253;

/**
 * Refuses disk images that the service manager has no way to mount: the units would be attached and never start.
 * @throws PortableError InvalidArgs for a file system that is not mounted, NotSupported for a user's service manager,
 *   naming the image, and what would work
 */
export async function checkMountable(
  context: Pick<PortableContext, 'root' | 'paths' | 'manager'>,
  stack: Stack,
): Promise<void> {
  const disks = [stack.root, ...stack.extensions].filter(({ image }) => !isTree(image.type));
  if (disks.length === 0) return;
  const version = await context.manager.version();
  if (version === undefined) return;
  checkUserManager(context, disks, version);
  for (const disk of disks) {
    checkFileSystems(disk, version);
    checkMountPoints(disk);
    checkBootPartitions(disk, version);
  }
}

function checkUserManager(
  { root, paths }: Pick<PortableContext, 'root' | 'paths'>,
  [disk]: readonly Layer[],
  version: number,
): void {
  if (paths.scope !== 'user' || disk === undefined) return;
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

/** All that is mounted must be a file system, and one of the list. */
function checkFileSystems({ image, parts }: Layer, version: number): void {
  for (const part of parts) {
    if (mountPoints[part.designator] === undefined) continue;
    const { fileSystem } = part;
    if (fileSystem !== undefined && (version < hasList || isListed(fileSystem))) continue;
    const reason =
      fileSystem === undefined
        ? 'no file system is known in it'
        : `it is ${fileSystem}, which the service manager (systemd ${version}) does not mount`;
    throw new PortableError('InvalidArgs', `${where(image, part)} has no suitable file system: ${reason}`, {
      file: image.path,
      hint: `service managers mount ${namedFileSystems.join(', ')}`,
    });
  }
}

function isListed(fileSystem: string): boolean {
  return namedFileSystems.some((name) => name === fileSystem);
}

function where({ path }: Image, { designator, partition }: ImagePart): string {
  return partition === undefined
    ? quoted(path)
    : `partition ${partition.number} (${designator}) of ${quoted(path)}`;
}

/** Where the root can be written to, the service manager makes the directories. */
function checkMountPoints({ image, parts, missingMountPoints: [missing] }: Layer): void {
  if (missing !== undefined && hasFixedRoot(parts)) throw noDirectory(image, missing);
}

function hasFixedRoot(parts: readonly ImagePart[]): boolean {
  return parts.find(({ designator }) => designator === 'root')?.readOnly === true;
}

function noDirectory({ path: file }: Image, missing: string): PortableError {
  return new PortableError(
    'InvalidArgs',
    `${quoted(file)} has a partition for ${missing}, but no directory to mount it on`,
    { file, hint: `make the image again with an empty directory ${missing}` },
  );
}

/** The first systemd known to take nothing but vfat for the second of the partitions of boot loaders; 257 takes others. */
const bootsVfatOnly = 262;

/** Nobody needs them in a portable service, but a service manager that cannot mount them starts nothing. */
function checkBootPartitions({ image, parts, bootPartitions }: Layer, version: number): void {
  for (const { designator, number, at, hasDirectory, fileSystem } of bootPartitions) {
    if (!hasDirectory && hasFixedRoot(parts)) throw noDirectory(image, at);
    const takesOthers = designator === 'xbootldr' && version < bootsVfatOnly;
    if (fileSystem === 'vfat' || (takesOthers && fileSystem !== undefined)) continue;
    throw new PortableError(
      'InvalidArgs',
      `partition ${number ?? 0} (${designator}) of ${quoted(image.path)} has no vfat in it, which the service manager mounts`,
      { file: image.path, hint: 'make the image again without partitions of boot loaders' },
    );
  }
}
