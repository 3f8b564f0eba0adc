/** The steps that enable and disable units in a tree without a service manager. */
import path from 'node:path';
import { linksToRemove } from '../host/enabling/disable.ts';
import { linksToEnable } from '../host/enabling/enable.ts';
import type { PendingUnit, UnitTree } from '../host/enabling/find-unit.ts';
import type { Step } from '../transaction/steps.ts';
import type { PortableContext } from './context.ts';

/**
 * Steps that make the links which enable units.
 * @param written the steps that put the units in place: they are not there yet
 * @throws PortableError when a unit cannot be enabled
 */
export async function planEnabling(
  context: PortableContext,
  options: { readonly runtime: boolean; readonly force: boolean },
  written: readonly Step[],
  units: readonly string[],
): Promise<readonly Step[]> {
  const directory = linkDirectory(context, options.runtime);
  const links = await linksToEnable({
    tree: { ...treeOf(context), pending: pendingUnits(written) },
    directory,
    units,
    force: options.force,
    log: context.log,
  });
  return links.flatMap(({ path: at, target }): readonly Step[] => [
    { kind: 'mkdir', path: path.dirname(at), mode: 0o755 },
    { kind: 'symlink', path: at, target, replace: true },
  ]);
}

/** Steps that remove the links by which units are enabled, and the directories that are empty then. */
export async function planDisabling(
  context: PortableContext,
  runtime: boolean,
  units: readonly string[],
): Promise<readonly Step[]> {
  const directory = linkDirectory(context, runtime);
  const links = await linksToRemove({ tree: treeOf(context), directory, units });
  const groups = new Set(links.map((link) => path.dirname(link)).filter((group) => group !== directory));
  return [
    ...links.map((at): Step => ({ kind: 'unlink', path: at })),
    ...[...groups].map((at): Step => ({ kind: 'rmdir', path: at })),
  ];
}

function linkDirectory({ paths }: PortableContext, runtime: boolean): string {
  return paths.enabled[runtime ? 'runtime' : 'persistent'];
}

function treeOf({ root, paths }: PortableContext): UnitTree {
  return { root, unitPath: paths.unitPath };
}

function pendingUnits(steps: readonly Step[]): ReadonlyMap<string, PendingUnit> {
  const pending = new Map<string, PendingUnit>();
  for (const step of steps) {
    if (step.kind === 'copy') pending.set(step.path, { content: step.content });
    if (step.kind === 'symlink') pending.set(step.path, { target: step.target });
  }
  return pending;
}
