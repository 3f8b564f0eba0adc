/** What must not be on the host before units are attached (spec "Attaching", Before touching the host). */
import { lstatSync, readlinkSync } from 'node:fs';
import { PortableError, errnoOf, fileError, quoted } from '../base/errors.ts';
import type { HostPaths } from '../base/host-paths.ts';
import { resolvedOnDisk } from '../base/logical-path.ts';
import { isRunning } from '../host/service-manager.ts';
import type { ServiceManager } from '../host/service-manager.ts';

interface CheckContext {
  readonly root: string;
  readonly paths: HostPaths;
  readonly manager: ServiceManager;
}

/**
 * Refuses units that the host has already: as a file or link anywhere in the unit path, or active.
 * @throws PortableError UnitExists naming the unit and what is in the way
 */
export async function checkUnitsAreNew(context: CheckContext, units: readonly string[]): Promise<void> {
  for (const directory of context.paths.unitPath) {
    const onHost = resolvedOnDisk(context.root, directory);
    for (const unit of units) refuseExisting(unit, `${directory}/${unit}`, `${onHost}/${unit}`);
  }
  await checkNotRunning(context, units, 'attached');
}

function refuseExisting(unit: string, at: string, onHost: string): void {
  try {
    const found = lstatSync(onHost, { throwIfNoEntry: false });
    if (found === undefined) return;
    const alias = found.isSymbolicLink() ? `, as a link to ${quoted(readlinkSync(onHost))}` : '';
    throw new PortableError(
      'UnitExists',
      `the unit ${quoted(unit)} exists on the host already, at ${quoted(at)}${alias}`,
      {
        file: at,
        hint: 'remove or rename it, detach the image that brought it, or attach with --force',
      },
    );
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return;
    throw fileError(error, 'look for the unit', at);
  }
}

/**
 * Refuses when any of these units (or an instance of it) is running.
 * @param done what cannot be done to it: "attached", "detached"
 * @throws PortableError UnitExists
 */
export async function checkNotRunning(
  { manager, paths }: Pick<CheckContext, 'manager' | 'paths'>,
  units: readonly string[],
  done: 'attached' | 'detached',
): Promise<void> {
  if (units.length === 0) return;
  for (const [unit, state] of await manager.activeStates(units)) {
    if (isRunning(state)) {
      throw new PortableError('UnitExists', `the unit ${quoted(unit)} is ${state}, and cannot be ${done}`, {
        file: unit,
        hint: `stop it first: systemctl ${paths.scope === 'user' ? '--user ' : ''}stop ${unit}`,
      });
    }
  }
}
