/** From a description to the finished tree: everything but writing it. */
import { parseOsRelease } from '../portable/os-release.ts';
import { diskContent, wholeContent } from './content.ts';
import type { BuildDescription } from './description.ts';
import { Importer } from './importer.ts';
import { addContainerUnit } from './oci/add-unit.ts';
import { unpackContainer } from './oci/image.ts';
import type { ContainerImage } from './oci/image.ts';
import { defaultUnpackLimits } from './oci/limits.ts';
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
  /** The files of the tree can be read until then. */
  close(): Promise<void>;
}

const maxOsRelease = 64 * 1024;

export interface StageOptions {
  /** A directory for what layers of a container expand to, ours alone; in use until the tree is closed. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/**
 * Collects everything that the image is to have.
 * @throws PortableError naming what is missing, unreadable or impossible
 */
export async function stage(description: BuildDescription, options: StageOptions): Promise<Staged> {
  const tree = new StagingTree();
  const container = await openContainer(tree, description, options);
  const close = async (): Promise<void> => container?.close();
  try {
    return { ...(await fill(tree, container, description, options)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The container that the image starts from, unpacked into the tree. */
async function openContainer(
  tree: StagingTree,
  description: BuildDescription,
  { scratch, signal }: StageOptions,
): Promise<ContainerImage | undefined> {
  const { container, platform, reference, maxSize, maxEntries, maxRatio } = description;
  if (container === undefined) return undefined;
  const limits = {
    ...defaultUnpackLimits,
    ...(maxSize !== undefined && { totalBytes: maxSize }),
    ...(maxEntries !== undefined && { entries: maxEntries }),
    ...(maxRatio !== undefined && { ratio: maxRatio }),
  };
  return await unpackContainer(container, tree, { platform, reference, limits, scratch, signal });
}

async function fill(
  tree: StagingTree,
  container: ContainerImage | undefined,
  description: BuildDescription,
  { signal }: StageOptions,
): Promise<Omit<Staged, 'close'>> {
  const source = new SourceRoot(description.sourceRoot ?? '/');
  const importer = new Importer(tree, source, description.exclude ?? [], signal);
  // a container has its own layout, and says itself which system it is
  if (container === undefined) mergeUsr(tree, source);
  for (const content of description.contents ?? []) importer.content(content);
  const given = description.units ?? [];
  if (container !== undefined && given.length === 0)
    await addContainerUnit(tree, container.config, description);
  addUnits(tree, given, description.name);
  for (const { object, symlink } of description.symlinks ?? []) {
    importer.bring(object);
    tree.put(symlink, { kind: 'symlink', target: object });
  }
  addScaffold(tree);
  await addOsRelease(tree, description, container === undefined ? await systemOf(source) : new Map());
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
