/**
 * portabled as a library: list, inspect, attach and detach portable service images without the daemon, on the running
 * system or in a tree that is being built.
 */
import path from 'node:path';
import { systemPaths } from './base/host-paths.ts';
import type { HostPaths } from './base/host-paths.ts';
import { silentLog } from './base/log.ts';
import { findOwnProfiles } from './base/own-profiles.ts';
import type { Log } from './base/log.ts';
import { defaultLimits } from './disk/budget.ts';
import type { Limits } from './disk/budget.ts';
import { offlineServiceManager } from './host/offline-manager.ts';
import type { ServiceManager } from './host/service-manager.ts';
import { createPortables } from './portable/portables.ts';
import type { Portables } from './portable/portables.ts';
import { hostLock } from './transaction/lock.ts';

export { PortableError, errorNames } from './base/errors.ts';
export type { ErrorCode } from './base/errors.ts';
export { systemPaths, userPaths } from './base/host-paths.ts';
export type { HostPaths, Scope, UserDirectories } from './base/host-paths.ts';
export type { JournalFields, Log } from './base/log.ts';
export { Budget, defaultLimits } from './disk/budget.ts';
export type { Limits } from './disk/budget.ts';
export { openImage } from './disk/open.ts';
export type { ImagePart, OpenOptions as OpenImageOptions, OpenedImage } from './disk/open.ts';
export type { DirectoryEntry, FileTree, NodeKind, NodeStat, TreeNode } from './disk/tree.ts';
export type { ServiceManager } from './host/service-manager.ts';
export { unknownSize } from './images/image.ts';
export type { Image, ImageFacts, ImageType } from './images/image.ts';
export type { ListedImage, Portables } from './portable/portables.ts';
export type * from './portable/requests.ts';
export type { RecoveredTransaction } from './transaction/recover.ts';

export interface OpenOptions {
  /** Directory that stands for "/": "/" (the default), or a tree that is being built. */
  readonly root?: string;
  /** Where things are in it; systemPaths() by default. */
  readonly paths?: HostPaths;
  readonly limits?: Limits;
  /**
   * The service manager to ask what runs and what is enabled. By default nobody is asked: units count as not running,
   * and are enabled as the files say; drop-ins are written for the systemd that is found in the tree.
   */
  readonly manager?: ServiceManager;
  readonly log?: Log;
}

/**
 * Opens the portable services of a host. Nothing is read before a method is called.
 * Changes take the same lock as the daemon's.
 */
export function openPortables(options: OpenOptions = {}): Portables {
  const root = path.resolve(options.root ?? '/');
  const own = findOwnProfiles(import.meta.dirname)?.system;
  const paths = options.paths ?? systemPaths(root === '/' ? own : undefined);
  return createPortables({
    root,
    paths,
    packagedProfiles: root === '/' ? undefined : own,
    limits: options.limits ?? defaultLimits,
    manager: options.manager ?? offlineServiceManager(root, paths.unitPath),
    log: options.log ?? silentLog,
    lock: hostLock(root, paths.lock),
  });
}
