/**
 * A host by its files alone: a tree that is not running (--root), or the running system while it is only looked at
 * (--dry-run). Needs no daemon, and of a tree no bus, no systemd and no root either.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';

import { fileError, PortableError, quoted } from '../../base/errors.ts';
import { systemPaths, type HostPaths } from '../../base/host-paths.ts';
import { defaultLimits } from '../../disk/budget.ts';
import { offlineServiceManager } from '../../host/offline-manager.ts';
import type { ServiceManager } from '../../host/service-manager.ts';
import { createPortables } from '../../portable/portables.ts';
import { hostLock } from '../../transaction/lock.ts';
import type { Settings } from '../command-line/settings.ts';
import type { Process } from '../main.ts';
import type { Services } from '../services.ts';
import { watchingCopies } from '../copy-bar.ts';
import { hostPaths } from '../host-paths.ts';
import { imagesInFiles } from './images.ts';
import { terminalLog } from './log.ts';
import { unitsInFiles } from './units.ts';

/** @throws PortableError when there is no such tree */
export async function openFiles(settings: Settings, process: Process): Promise<Services> {
  const root = resolve(process.cwd, settings.root ?? '/');
  if (settings.root !== undefined) checkDirectory(root);
  const paths = root === '/' ? hostPaths(process, settings.user) : systemPaths();
  const { manager, close } = await managerOf(root, paths, settings, process);
  const portables = createPortables({
    root,
    paths,
    packagedProfiles: root === '/' ? undefined : process.ownProfiles?.system,
    limits: defaultLimits,
    manager,
    log: terminalLog(settings, process.terminal),
    lock: hostLock(root, paths.lock),
  });
  const images = imagesInFiles(portables, settings, watchingCopies(settings, process.terminal));
  return { images, units: unitsInFiles, linksTogether: true, close };
}

function checkDirectory(root: string): void {
  try {
    if (statSync(root).isDirectory()) return;
  } catch (error) {
    throw fileError(error, 'work on', root, '--root= needs the directory that holds the tree');
  }
  throw new PortableError('InvalidArgs', `cannot work on ${quoted(root)}: not a directory`, {
    file: root,
    hint: '--root= needs the directory that holds the tree',
  });
}

interface Asked {
  readonly manager: ServiceManager;
  readonly close: () => Promise<void>;
}

/** In a tree nothing runs. On the running system its service manager knows what does, where it can be asked. */
async function managerOf(
  root: string,
  paths: HostPaths,
  settings: Settings,
  { env }: Process,
): Promise<Asked> {
  const offline = { manager: offlineServiceManager(root, paths.unitPath), close: () => Promise.resolve() };
  if (settings.root !== undefined) return offline;
  const [{ busAddress }, { connect }, { systemdManager }] = await Promise.all([
    import('../bus/address.ts'),
    import('../../dbus/connection.ts'),
    import('../../host/systemd1.ts'),
  ]);
  const connection = await connect({ address: busAddress(settings, env) }).catch(() => undefined);
  if (connection === undefined) return offline;
  return { manager: systemdManager(connection), close: () => connection.close() };
}
