/** From a description to the finished tree: everything but writing it. */
import { parseOsRelease } from '../portable/os-release.ts';
import { diskContent, wholeContent } from './content.ts';
import type { BuildDescription } from './description.ts';
import { Importer } from './importer.ts';
import { addOsRelease, addScaffold, mergeUsr } from './scaffold.ts';
import { SourceRoot } from './source-root.ts';
import { StagingTree } from './tree.ts';
import { addUnits, unitsOf, type ImageUnit } from './units.ts';

/** A tree that is complete. */
export interface Staged {
  readonly tree: StagingTree;
  readonly units: readonly ImageUnit[];
  readonly packages: readonly string[];
  readonly warnings: readonly string[];
}

const maxOsRelease = 64 * 1024;

/**
 * Collects everything that the image is to have.
 * @throws PortableError naming what is missing, unreadable or impossible
 */
export async function stage(description: BuildDescription, signal: AbortSignal): Promise<Staged> {
  const tree = new StagingTree();
  const source = new SourceRoot(description.sourceRoot ?? '/');
  const importer = new Importer(tree, source, description.exclude ?? [], signal);
  mergeUsr(tree, source);
  for (const content of description.contents ?? []) importer.content(content);
  addUnits(tree, description.units ?? [], description.name);
  for (const { object, symlink } of description.symlinks ?? []) {
    importer.bring(object);
    tree.put(symlink, { kind: 'symlink', target: object });
  }
  addScaffold(tree);
  await addOsRelease(tree, description, await systemOf(source));
  const units = await unitsOf(tree, description.name);
  return { tree, units, packages: [], warnings: importer.warnings };
}

/** What the source root says it is. */
async function systemOf(source: SourceRoot): Promise<ReadonlyMap<string, string>> {
  const found = source.find('/etc/os-release') ?? source.find('/usr/lib/os-release');
  if (found?.stat.isFile() !== true) return new Map();
  const content = diskContent(source.onDisk(found.path), found.stat.size);
  return parseOsRelease(await wholeContent(content, maxOsRelease));
}
