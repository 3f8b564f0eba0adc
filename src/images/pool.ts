/** The directory that images are kept in, and its quota (spec "D-Bus interface", Manager properties). */
import { stat, statfs } from 'node:fs/promises';
import { PortableError, errnoOf, fileError, quoted } from '../base/errors.ts';
import type { HostPaths } from '../base/host-paths.ts';
import { onDisk, resolveInside } from '../base/logical-path.ts';
import { quotaFigures, setQuotaLimit } from '../host/btrfs.ts';
import { unknownSize } from './image.ts';
import { btrfsMagic, subvolumeInode } from '../base/subvolume.ts';

/** Sizes in bytes; the maximum uint64 where there is no quota. */
export interface PoolQuota {
  readonly usage: bigint;
  readonly limit: bigint;
}

/** What the pool takes and may take. @throws PortableError when it cannot be looked at */
export async function poolQuota(root: string, paths: HostPaths): Promise<PoolQuota> {
  const unknown = { usage: unknownSize, limit: unknownSize };
  const at = await subvolume(root, paths);
  if (at === undefined) return unknown;
  const figures = await quotaFigures(at);
  return { usage: figures.referenced ?? unknownSize, limit: figures.maxReferenced ?? unknownSize };
}

/**
 * Limits the size of the pool.
 * @param bytes the maximum uint64 lifts the limit
 * @throws PortableError NotSupported where the pool is no btrfs subvolume with quota on
 */
export async function setPoolLimit(root: string, paths: HostPaths, bytes: bigint): Promise<void> {
  const at = await subvolume(root, paths);
  if (at === undefined) {
    throw new PortableError(
      'NotSupported',
      `the size of ${quoted(paths.pool)} cannot be limited: it is no btrfs subvolume`,
      {
        file: paths.pool,
        hint: 'limits need btrfs with quota on',
      },
    );
  }
  await setQuotaLimit(at, bytes === unknownSize ? undefined : bytes);
}

/** Where the pool is on disk, if it is a btrfs subvolume. */
async function subvolume(root: string, paths: HostPaths): Promise<string | undefined> {
  const at = onDisk(root, resolveInside(root, paths.pool));
  try {
    const { ino } = await stat(at, { bigint: true });
    if (ino !== subvolumeInode || (await statfs(at)).type !== btrfsMagic) return undefined;
    return at;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, 'look at', paths.pool);
  }
}
