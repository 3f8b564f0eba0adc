/** What an inspection of images of this machine works with, where no service manager is asked. */
import { systemPaths } from '../../src/base/host-paths.ts';
import { silentLog } from '../../src/base/log.ts';
import { defaultLimits } from '../../src/disk/budget.ts';
import { noServiceManager } from '../../src/host/service-manager.ts';

export const inspectionContext = {
  root: '/',
  paths: systemPaths(),
  limits: defaultLimits,
  manager: noServiceManager,
  log: silentLog,
} as const;
