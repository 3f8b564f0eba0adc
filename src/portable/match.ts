/** Which attachment a caller means by an image and extensions (spec "Attaching", Detach). */
import path from 'node:path';
import { PortableError } from '../base/errors.ts';
import type { Image } from '../images/image.ts';
import { findImage } from '../images/search.ts';
import type { ImageContext } from '../images/search.ts';
import { imageNameOf, imagePrefix, parseImageArgument } from '../images/names.ts';
import type { AttachedUnit } from './attachments.ts';
import type { ImageRef } from './requests.ts';

/** One image argument in every form under which a marker may name it. */
export interface WantedImage {
  /** Paths that mean exactly this image: as given, as found in the search path, with links resolved. */
  readonly paths: ReadonlySet<string>;
  /** What versions of it have in common. */
  readonly prefix: string;
}

/**
 * Reads the image arguments of a request. The images need not exist any more: then their names still count.
 * @throws PortableError InvalidArgs for bad names and paths
 */
export async function wantedImages(context: ImageContext, ref: ImageRef): Promise<readonly WantedImage[]> {
  const image = await wantedImage(context, ref.image, 'image');
  const extensions = await Promise.all(ref.extensions.map((each) => wantedImage(context, each, 'extension')));
  return [image, ...extensions];
}

async function wantedImage(context: ImageContext, argument: string, what: string): Promise<WantedImage> {
  const parsed = parseImageArgument(argument, what);
  const paths = new Set<string>(parsed.kind === 'path' ? [parsed.path.replace(/\/$/, '')] : []);
  const given = parsed.kind === 'path' ? path.basename(parsed.path) : parsed.name;
  try {
    const image = await findImage(context, argument, what);
    paths.add(image.path).add(image.foundAt);
    return { paths, prefix: prefixOfPath(image.path) };
  } catch (error) {
    if (!isMissing(error)) throw error;
    return { paths, prefix: prefixOf(given.replace(/\.v$/, '')) };
  }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof PortableError &&
    (['NoSuchImage', 'FileNotFound', 'BadImageType', 'Loop'].includes(error.code) ||
      error.dbusName === 'System.Error.ENOTDIR')
  );
}

/** The prefix of a file name, or the whole name where nothing would be left of it. */
function prefixOf(fileName: string): string {
  const name = imageNameOf(fileName);
  return imagePrefix(name) || name;
}

/** Attached units, ready to be asked about many images: one pass to build, one look-up each. */
export interface AttachmentIndex {
  readonly byPath: ReadonlyMap<string, readonly AttachedUnit[]>;
  readonly byPrefix: ReadonlyMap<string, readonly AttachedUnit[]>;
  /** As above, by the images that are extensions of an attachment. */
  readonly byExtensionPath: ReadonlyMap<string, readonly AttachedUnit[]>;
  readonly byExtensionPrefix: ReadonlyMap<string, readonly AttachedUnit[]>;
}

/** Sorts attached units by the images that their markers name. */
export function indexAttached(units: readonly AttachedUnit[]): AttachmentIndex {
  const root = ({ images }: AttachedUnit): readonly string[] => images.slice(0, 1);
  const extensions = ({ images }: AttachedUnit): readonly string[] => images.slice(1);
  return {
    byPath: groupBy(units, root),
    byPrefix: groupBy(units, (unit) => root(unit).map(prefixOfPath)),
    byExtensionPath: groupBy(units, extensions),
    byExtensionPrefix: groupBy(units, (unit) => extensions(unit).map(prefixOfPath)),
  };
}

function prefixOfPath(image: string): string {
  return prefixOf(path.basename(image));
}

/** Units under each of their keys. */
function groupBy(
  units: readonly AttachedUnit[],
  keys: (unit: AttachedUnit) => readonly string[],
): Map<string, AttachedUnit[]> {
  const groups = new Map<string, AttachedUnit[]>();
  for (const unit of units) {
    for (const key of new Set(keys(unit))) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [unit]);
      else group.push(unit);
    }
  }
  return groups;
}

/**
 * The attached units that are meant: those that name exactly these images, if any do; else those that name the same
 * images in other versions. Never any other.
 */
export function selectAttached(
  index: AttachmentIndex,
  wanted: readonly WantedImage[],
): readonly AttachedUnit[] {
  const [root] = wanted;
  if (root === undefined) return [];
  const exact = [...root.paths]
    .flatMap((each) => index.byPath.get(each) ?? [])
    .filter((unit) => everyImage(unit, wanted, (given, want) => want.paths.has(given)));
  if (exact.length > 0) return exact;
  const relatives = index.byPrefix.get(root.prefix) ?? [];
  return relatives.filter((unit) =>
    everyImage(unit, wanted, (given, want) => prefixOfPath(given) === want.prefix),
  );
}

/**
 * The attached units that an image asked for without extensions is in use by: those it is attached as, else those that
 * have it together with other images, whichever it is of them; versions as above.
 */
export function selectUsing(index: AttachmentIndex, image: WantedImage): readonly AttachedUnit[] {
  const attached = selectAttached(index, [image]);
  if (attached.length > 0) return attached;
  const { paths, prefix } = image;
  const using = [...paths].flatMap((each) => [
    ...(index.byPath.get(each) ?? []),
    ...(index.byExtensionPath.get(each) ?? []),
  ]);
  if (using.length > 0) return using;
  return [...(index.byPrefix.get(prefix) ?? []), ...(index.byExtensionPrefix.get(prefix) ?? [])];
}

function everyImage(
  unit: AttachedUnit,
  wanted: readonly WantedImage[],
  fits: (given: string, want: WantedImage) => boolean,
): boolean {
  return (
    unit.images.length === wanted.length &&
    unit.images.every((each, i) => {
      const want = wanted[i];
      return want !== undefined && fits(each, want);
    })
  );
}

/** An image that discovery has found, as it is wanted without extensions. */
export function wantedFound(image: Image): readonly WantedImage[] {
  return [{ paths: new Set([image.path, image.foundAt]), prefix: prefixOfPath(image.path) }];
}
