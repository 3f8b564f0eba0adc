/** The unit files of the image: those that were given, or those that the contents bring. */
import { realpathSync } from 'node:fs';
import path from 'node:path';

import { PortableError, quoted } from '../base/errors.ts';
import { defaultLimits } from '../disk/budget.ts';
import { matchesPrefix, portableUnitType } from '../portable/unit-name.ts';
import { diskContent, wholeContent } from './content.ts';
import { statLocal } from './source-root.ts';
import type { StagingTree } from './tree.ts';

/** A unit of the image, as it will be found there. */
export interface ImageUnit {
  readonly name: string;
  /** Where it is in the image. */
  readonly path: string;
  readonly text: string;
}

/** Where units are put; what is given wins over what packages bring to /usr/lib. */
const ownDirectory = '/etc/systemd/system';

/** Where images have units: the directories that any systemd looks into. */
const unitDirectories = [ownDirectory, '/usr/local/lib/systemd/system', '/usr/lib/systemd/system'];

/**
 * Refuses names that nobody would find: they must begin with the image's name.
 * @param unit its file name
 * @throws PortableError InvalidArgs
 */
export function checkUnitName(unit: string, image: string): void {
  if (portableUnitType(unit) === undefined) {
    throw new PortableError('InvalidArgs', `${quoted(unit)} is no unit that a portable service can have`, {
      file: unit,
      hint: 'a .service, .socket, .target, .timer or .path file',
    });
  }
  if (matchesPrefix(unit, image)) return;
  throw new PortableError(
    'InvalidArgs',
    `the unit ${quoted(unit)} does not begin with the name ${quoted(image)}`,
    {
      file: unit,
      hint: `attaching would not find it: call it ${image}${path.extname(unit)}, or ${image}-${unit}`,
    },
  );
}

/**
 * Puts unit files of this machine into the image.
 * @param directory of the image
 * @throws PortableError InvalidArgs for their names; FileNotFound and the like
 */
export function addUnits(
  tree: StagingTree,
  files: readonly string[],
  image: string,
  directory = ownDirectory,
): void {
  for (const file of files) checkUnitName(path.basename(file), image);
  for (const file of files) {
    const stat = statLocal(file);
    if (!stat.isFile()) {
      throw new PortableError('InvalidArgs', `${quoted(file)} is no file`, { file });
    }
    const to = `${directory}/${path.basename(file)}`;
    tree.put(to, { kind: 'file', mode: 0o644, content: diskContent(realpathSync(file), stat.size) });
  }
}

/**
 * The units that attaching will find, sorted by name.
 * @throws PortableError NoMatchingUnitFiles when there are none; LimitsExceeded for one that is too large
 */
export async function unitsOf(tree: StagingTree, image: string): Promise<readonly ImageUnit[]> {
  const units = await findUnits(tree, image);
  if (units.length > 0) return units;
  const message = `the image has no unit whose name begins with ${quoted(image)}`;
  throw new PortableError('NoMatchingUnitFiles', message, { hint: 'give one with --unit' });
}

/** As unitsOf, but there may be none. */
export async function findUnits(tree: StagingTree, image: string): Promise<readonly ImageUnit[]> {
  const units = new Map<string, ImageUnit>();
  for (const directory of unitDirectories) {
    const node = tree.find(directory)?.node;
    if (node?.kind !== 'directory') continue;
    for (const name of node.entries.keys()) {
      if (units.has(name) || portableUnitType(name) === undefined || !matchesPrefix(name, image)) continue;
      const unit = tree.find(`${directory}/${name}`);
      if (unit?.node.kind !== 'file' || unit.node.content.size === 0) continue;
      const text = await wholeContent(unit.node.content, defaultLimits.unitFileBytes);
      units.set(name, { name, path: unit.path, text: text.toString() });
    }
  }
  return [...units.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
