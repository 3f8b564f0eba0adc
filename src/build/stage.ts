/** From a description to the finished tree: everything but writing it. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import { hostArchitecture } from '../base/architecture.ts';
import { quoted } from '../base/errors.ts';
import { defaultLimits } from '../disk/budget.ts';
import { parseOsRelease } from '../portable/os-release.ts';
import { close } from './closure.ts';
import { addCertificates, addNss, addTimeZones } from './extras.ts';
import { PackageCollector } from './packages/collector.ts';
import { bringUnitPrograms, warnOfArguments } from './programs.ts';
import { diskContent, wholeContent } from './content.ts';
import { makeExtension } from './extension/make.ts';
import type { BuildDescription, ImageKind, SymlinkRequest } from './description.ts';
import { Importer } from './importer.ts';
import { addContainerUnit } from './oci/add-unit.ts';
import { unpackContainer } from './oci/image.ts';
import type { ContainerImage } from './oci/image.ts';
import { defaultUnpackLimits } from './oci/limits.ts';
import { systemdArchitecture } from './oci/platform.ts';
import { addOsRelease, addScaffold, mergeUsr } from './scaffold.ts';
import { SourceRoot } from './source-root.ts';
import { StagingTree } from './tree.ts';
import { addUnitDirectories } from './unit-directories.ts';
import { addUnits, findUnits, unitsOf, type ImageUnit } from './units.ts';

/** A tree that is complete. */
export interface Staged {
  readonly tree: StagingTree;
  readonly units: readonly ImageUnit[];
  readonly packages: readonly string[];
  readonly warnings: readonly string[];
  /** What its programs are for, as systemd names it. */
  readonly architecture: string;
  /** The files of the tree can be read until then. */
  close(): Promise<void>;
}

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
  const release = async (): Promise<void> => container?.close();
  try {
    return { ...(await fill(tree, container, description, options)), close: release };
  } catch (error) {
    await release();
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
  { scratch, signal }: StageOptions,
): Promise<Omit<Staged, 'close'>> {
  const kind = description.type ?? 'portable';
  const source = new SourceRoot(description.sourceRoot ?? '/');
  const importer = new Importer(tree, source, description.exclude ?? [], signal);
  // a container has its own layout, and says itself which system it is
  if (container === undefined) mergeUsr(tree, source);
  const packages = new PackageCollector(importer, description.packageDocs ?? false);
  packages.add(description.packages ?? []);
  for (const content of description.contents ?? []) importer.content(content);
  const given = description.units ?? [];
  if (container !== undefined && given.length === 0)
    await addContainerUnit(tree, container.config, description);
  addUnits(tree, given, description.name, unitDirectory(kind));
  addSymlinks(importer, description.symlinks ?? []);
  await addExtras(importer, description);
  const units = await (kind === 'portable' ? unitsOf : findUnits)(tree, description.name);
  // configuration has no programs; what its scripts need is in the base
  if (kind !== 'confext')
    await complete({
      importer,
      packages,
      units,
      container: container !== undefined,
      description,
      scratch,
      signal,
    });
  const system = container === undefined ? await systemOf(source) : new Map<string, string>();
  if (kind === 'portable') {
    addScaffold(tree);
    addUnitDirectories(tree, units);
    await addOsRelease(tree, description, system);
  } else {
    await makeExtension(tree, kind, description, system, units.length > 0);
  }
  const architecture =
    container === undefined ? hostArchitecture : systemdArchitecture(container.config.platform);
  return { tree, units, packages: packages.taken(), warnings: importer.warnings, architecture };
}

/** Where the units that are given go. */
function unitDirectory(kind: ImageKind): string {
  return kind === 'sysext' ? '/usr/lib/systemd/system' : '/etc/systemd/system';
}

interface Incomplete extends StageOptions {
  readonly importer: Importer;
  readonly packages: PackageCollector;
  readonly units: readonly ImageUnit[];
  readonly description: BuildDescription;
  /** The tree is a container's. */
  readonly container: boolean;
}

/**
 * Brings what the programs of units and contents need. A container has all of that itself, or it is missing: programs of
 * another system would not fit; and what lies around in it without being run may be as incomplete as it likes.
 */
async function complete(incomplete: Incomplete): Promise<void> {
  const { importer, packages, units, container, description, scratch, signal } = incomplete;
  const closing = container ? await withoutSource(importer, scratch, signal) : importer;
  const programs = [
    ...bringUnitPrograms(closing, units, description.type === 'sysext'),
    ...(description.contents ?? []).map(({ destination }) => destination),
  ];
  const bringModules = (program: string): void => packages.addModules(program);
  await close({ importer: closing, programs, everything: !container, bringModules, signal });
  if (!container) warnOfArguments(importer, units);
  else importer.warnings.push(...closing.warnings);
}

/** An importer that finds nothing but what is in the tree already. */
async function withoutSource(importer: Importer, scratch: string, signal: AbortSignal): Promise<Importer> {
  const nothing = path.join(scratch, 'nothing');
  await mkdir(nothing);
  return new Importer(importer.tree, new SourceRoot(nothing), [], signal);
}

/** What they lead to comes along. */
function addSymlinks(importer: Importer, symlinks: readonly SymlinkRequest[]): void {
  for (const { object, symlink } of symlinks) {
    if (importer.tree.find(object) === undefined) importer.bringAll(object);
    importer.tree.put(symlink, { kind: 'symlink', target: object });
    if (importer.tree.find(symlink) === undefined)
      importer.warnings.push(
        `the symlink ${quoted(symlink)} leads nowhere: ${quoted(object)} does not exist`,
      );
  }
}

async function addExtras(importer: Importer, description: BuildDescription): Promise<void> {
  if (description.nss === true) await addNss(importer);
  if (description.certificates === true) addCertificates(importer);
  if (description.timeZones === true) addTimeZones(importer);
}

/** What the source root says it is. */
async function systemOf(source: SourceRoot): Promise<ReadonlyMap<string, string>> {
  const found = source.find('/etc/os-release') ?? source.find('/usr/lib/os-release');
  if (found?.stat.isFile() !== true) return new Map();
  const content = diskContent(source.onDisk(found.path), found.stat.size);
  return parseOsRelease(await wholeContent(content, defaultLimits.osReleaseBytes));
}
