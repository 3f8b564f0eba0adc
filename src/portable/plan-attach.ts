/** The steps that put units on the host (spec "Attaching", What is written). */
import { isTree } from '../images/image.ts';
import { dropInName, formatDropIn, nameAndVersion, profileLinkName } from './drop-in.ts';
import type { DropInExtension, DropInLayer } from './drop-in.ts';
import type { PortableContext } from './context.ts';
import type { ExtensionLayer, Layer, Stack } from './layers.ts';
import { managerSettings } from './manager-settings.ts';
import type { ManagerSettings } from './manager-settings.ts';
import { findProfileFile } from './profiles.ts';
import type { AttachRequest } from './requests.ts';
import { portableUnitType } from './unit-name.ts';
import type { PortableUnitType } from './unit-name.ts';
import type { UnitFile } from './units.ts';
import type { Step } from '../transaction/steps.ts';

interface UnitsPlan {
  readonly context: PortableContext;
  readonly request: AttachRequest;
  readonly stack: Stack;
  readonly units: Stack['units'];
  /** The directory of attached units. */
  readonly directory: string;
  /** Comment lines for the drop-ins (image-links.ts). */
  readonly notes: readonly string[];
  /** Files that may be replaced: those of the attachment being replaced. Everything, with force. */
  readonly mayReplace: (path: string) => boolean;
}

/**
 * Steps for the units: of each its drop-in directory, drop-in, profile, and last the unit itself, so that the service
 * manager never sees a unit without its drop-ins.
 * @throws PortableError when a profile cannot be read, or a path cannot be written into a unit file
 */
export async function planUnits(plan: UnitsPlan): Promise<readonly Step[]> {
  const { stack, request, directory } = plan;
  const settings = await managerSettings(plan.context, stack);
  const image = rootDropInLayer(stack.root);
  const extensions = stack.extensions.map((layer) =>
    extensionDropInLayer(layer, isRelaxed(layer, request, settings)),
  );
  const steps: Step[] = [{ kind: 'mkdir', path: directory, mode: 0o755 }];
  for (const [unit, { file, layer }] of plan.units) {
    const type = portableUnitType(unit);
    if (type === undefined) continue;
    const dropIns = `${directory}/${unit}.d`;
    const holder =
      layer === stack.root ? image : extensions[stack.extensions.findIndex((each) => each === layer)];
    const content = formatDropIn({
      unit,
      image,
      extensions,
      holder: holder ?? image,
      ...settings,
      notes: plan.notes,
    });
    const dropIn = `${dropIns}/${dropInName}`;
    steps.push(
      { kind: 'mkdir', path: dropIns, mode: 0o755 },
      { kind: 'write', path: dropIn, mode: 0o644, content, replace: plan.mayReplace(dropIn) },
      ...planProfile(plan, type, `${dropIns}/${profileLinkName}`),
      planUnit(plan, file, layer),
    );
  }
  return steps;
}

function planProfile(plan: UnitsPlan, type: PortableUnitType, at: string): readonly Step[] {
  const file = findProfileFile(plan.context, plan.request.profile, type);
  if (file === undefined) return [];
  const replace = plan.mayReplace(at);
  return plan.request.copyMode === 'copy' || file.mustCopy
    ? [{ kind: 'copy', path: at, mode: 0o644, content: file.content, source: file.path, replace }]
    : [{ kind: 'symlink', path: at, target: file.path, replace }];
}

function planUnit(plan: UnitsPlan, file: UnitFile, layer: Layer): Step {
  const path = `${plan.directory}/${file.name}`;
  const replace = plan.mayReplace(path);
  const onHost = isTree(layer.image.type);
  if (onHost && plan.request.copyMode === 'symlink') {
    return { kind: 'symlink', path, target: layer.image.path + file.realPath, replace };
  }
  const source = onHost ? layer.image.path + file.path : '';
  return { kind: 'copy', path, mode: 0o644, content: file.content, source, replace };
}

function rootDropInLayer(layer: Layer): DropInLayer {
  return {
    path: layer.image.path,
    disk: !isTree(layer.image.type),
    nameAndVersion: nameAndVersion(layer.fields, ''),
  };
}

function extensionDropInLayer(layer: ExtensionLayer, relaxed: boolean): DropInExtension {
  return {
    path: layer.image.path,
    disk: !isTree(layer.image.type),
    namesAndVersions: ['SYSEXT_', 'CONFEXT_'].map((prefix) => nameAndVersion(layer.fields, prefix)),
    relaxed,
  };
}

/** As the caller asks for it, or because an older service manager would refuse what a newer one takes. */
function isRelaxed(
  { extension }: ExtensionLayer,
  { forceExtension }: AttachRequest,
  { knowsVersionedNames }: ManagerSettings,
): boolean {
  return forceExtension || (extension.named === 'without version' && !knowsVersionedNames);
}
