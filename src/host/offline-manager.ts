/** Stands in for the service manager of a tree that is not running: what its files say (--root, image builds). */
import type { ServiceManager } from './service-manager.ts';
import { systemdVersion } from './systemd-version.ts';
import { unitFileStates } from './unit-files.ts';

/**
 * Nothing runs; what is enabled is in the tree, and so is the service manager that will be booted from it.
 * @param root directory that stands for "/"
 * @param unitPath where that service manager looks for unit files, first hit wins
 */
export function offlineServiceManager(root: string, unitPath: readonly string[]): ServiceManager {
  return {
    version: () => systemdVersion(root),
    activeStates: () => Promise.resolve(new Map()),
    unitFileStates: (names) =>
      names.length === 0 ? Promise.resolve(new Map()) : unitFileStates(unitPath, names, root),
  };
}
