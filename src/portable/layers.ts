/** Reading an image and its extensions: what they call themselves, their unit files, their image policies. */
import { PortableError, quoted } from '../base/errors.ts';
import { certificateDirectories } from '../base/host-paths.ts';
import { onDisk } from '../base/logical-path.ts';
import { Budget } from '../disk/budget.ts';
import { openImage } from '../disk/open.ts';
import type { OpenedImage } from '../disk/open.ts';
import { rememberingTree } from '../disk/remembering-tree.ts';
import type { FileTree } from '../disk/tree.ts';
import { listDirectory, readFile } from '../disk/walk.ts';
import { isTree } from '../images/image.ts';
import type { Image } from '../images/image.ts';
import { findImage } from '../images/search.ts';
import type { PortableContext } from './context.ts';
import { checkExtension, extensionReleaseDirectories, findExtensionRelease } from './extension-release.ts';
import type { ExtensionRelease } from './extension-release.ts';
import { parseOsRelease } from './os-release.ts';
import { readOsReleaseFile } from './os-release-file.ts';
import type { ImageRef } from './requests.ts';
import { findUnits } from './units.ts';
import type { UnitFile } from './units.ts';

/** One image of a stack, read. */
export interface Layer {
  readonly image: Image;
  /** os-release, or extension-release, as stored. */
  readonly release: Buffer;
  readonly fields: ReadonlyMap<string, string>;
  readonly units: ReadonlyMap<string, UnitFile>;
  /** What dissecting it found, for image policies; undefined for directories. */
  readonly policy: OpenedImage['policy'];
  /** The parts of a disk image; none for directories. */
  readonly parts: OpenedImage['parts'];
  /** Where its partitions are to be mounted, and there is no directory; looked for only when that matters (`check`). */
  readonly missingMountPoints: readonly string[];
  /** Its partitions of boot loaders that are mounted; likewise. */
  readonly bootPartitions: Awaited<ReturnType<OpenedImage['bootPartitions']>>;
}

export interface ExtensionLayer extends Layer {
  readonly extension: ExtensionRelease;
}

/** An image with its extensions. */
export interface Stack {
  readonly root: Layer;
  readonly extensions: readonly ExtensionLayer[];
  /** Every unit, with the layer that brings it, sorted by name; of several layers with one unit the lowest counts. */
  readonly units: ReadonlyMap<string, { readonly file: UnitFile; readonly layer: Layer }>;
}

interface ReadOptions {
  /** Unit name prefixes; empty = every unit. */
  readonly matches: readonly string[];
  /** Take an extension's only extension-release, whatever its name. */
  readonly relax: boolean;
  /** It is to be attached: refuse extensions that do not fit the image, look for what keeps it from being mounted. */
  readonly check: boolean;
}

/**
 * Finds and reads all images of a request.
 * @throws PortableError of finding, opening or reading; InvalidArgs for an extension given twice, Stale for one that does
 * not fit
 */
export async function readStack(
  context: PortableContext,
  ref: ImageRef,
  options: ReadOptions,
): Promise<Stack> {
  const image = await findImage(context, ref.image);
  const found: Image[] = [];
  for (const each of ref.extensions) found.push(await findImage(context, each, 'extension'));
  refuseRepetition(found);
  const root = await readRoot(context, image, options);
  const extensions: ExtensionLayer[] = [];
  for (const each of found) {
    const layer = await readExtension(context, each, options);
    if (options.check) {
      checkExtension(each.path, layer.extension, { path: image.path, osRelease: root.fields });
    }
    extensions.push(layer);
  }
  return { root, extensions, units: mergeUnits([root, ...extensions]) };
}

/** No file system can be laid over itself. */
function refuseRepetition(extensions: readonly Image[]): void {
  const repeated = extensions.find((each, i) => extensions.findIndex(({ path }) => path === each.path) < i);
  if (repeated === undefined) return;
  throw new PortableError('InvalidArgs', `the extension ${quoted(repeated.path)} is given twice`, {
    file: repeated.path,
    hint: 'name each extension once',
  });
}

/**
 * Reads all that an inspection would show of an image, through a view of its tree.
 * @throws whatever the view refuses
 */
export async function readLayerFiles(
  context: PortableContext,
  image: Image,
  view: (tree: FileTree) => FileTree,
): Promise<void> {
  await withImage(context, image, async (opened, budget) => {
    const tree = view(opened.tree);
    await readOsReleaseFile(tree, budget);
    for (const place of extensionReleaseDirectories) {
      for (const { name } of (await listDirectory(tree, place, budget)) ?? []) {
        await readFile(tree, `${place}/${name.toString()}`, budget.limits.osReleaseBytes, budget);
      }
    }
    await findUnits(tree, context.paths.scope, [], budget);
  });
}

/** The os-release of an image, parsed; empty when it has none. */
export async function readOsRelease(
  context: PortableContext,
  image: Image,
): Promise<ReadonlyMap<string, string>> {
  return withImage(context, image, async (opened, budget) => {
    const content = (await readOsReleaseFile(opened.tree, budget))?.content;
    return content === undefined ? new Map() : parseOsRelease(content);
  });
}

function readRoot(context: PortableContext, image: Image, { matches, check }: ReadOptions): Promise<Layer> {
  return withImage(context, image, async (opened, budget) => {
    const release = (await readOsReleaseFile(opened.tree, budget))?.content;
    if (release === undefined) throw lacksOsRelease(image);
    const units = await findUnits(opened.tree, context.paths.scope, matches, budget);
    const { policy, parts } = opened;
    const mounting = await readMounting(opened, check);
    return { image, release, fields: parseOsRelease(release), units, policy, parts, ...mounting };
  });
}

function readExtension(
  context: PortableContext,
  image: Image,
  options: ReadOptions,
): Promise<ExtensionLayer> {
  return withImage(context, image, async (opened, budget) => {
    const extension = await findExtensionRelease(opened.tree, image, options.relax, budget);
    const units = await findUnits(opened.tree, context.paths.scope, options.matches, budget);
    return {
      image,
      release: extension.content,
      fields: extension.fields,
      units,
      policy: opened.policy,
      parts: opened.parts,
      ...(await readMounting(opened, options.check)),
      extension,
    };
  });
}

async function readMounting(
  opened: Omit<OpenedImage, 'close'>,
  check: boolean,
): Promise<Pick<Layer, 'missingMountPoints' | 'bootPartitions'>> {
  if (!check) return { missingMountPoints: [], bootPartitions: [] };
  return {
    missingMountPoints: await opened.missingMountPoints(),
    bootPartitions: await opened.bootPartitions(),
  };
}

/** Opens an image for as long as `use` runs. One inspection has one budget. */
async function withImage<T>(
  context: PortableContext,
  image: Image,
  use: (opened: Omit<OpenedImage, 'close'>, budget: Budget) => Promise<T>,
): Promise<T> {
  const budget = new Budget(image.path, context.limits);
  const certificates = { root: context.root, directories: certificateDirectories };
  const location = { path: onDisk(context.root, image.path), type: image.type };
  const opened = await openImage(location, budget, { certificates, readXattrs: context.readXattrs });
  const tree = rememberingTree(opened.tree);
  try {
    return await use({ ...opened, tree }, budget);
  } finally {
    await tree.close();
    await opened.close();
  }
}

function lacksOsRelease(image: Image): PortableError {
  const code = isTree(image.type) ? 'InvalidArgs' : 'NoMedium';
  return new PortableError(code, `${quoted(image.path)} lacks os-release data`, {
    file: image.path,
    hint: 'a portable service image has /etc/os-release or /usr/lib/os-release',
  });
}

function mergeUnits(layers: readonly Layer[]): Stack['units'] {
  const merged = new Map<string, { file: UnitFile; layer: Layer }>();
  for (const layer of layers) {
    for (const [name, file] of layer.units) if (!merged.has(name)) merged.set(name, { file, layer });
  }
  return new Map([...merged].sort(([a], [b]) => (a < b ? -1 : 1)));
}
