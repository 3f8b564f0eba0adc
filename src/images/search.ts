/** Finding images: by name in the search path, by path, and all there are (spec "Images", Search path). */
import { readdirSync, statSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { PortableError, errnoOf, fileError, messageOf, quoted } from '../base/errors.ts';
import type { HostPaths } from '../base/host-paths.ts';
import type { Log } from '../base/log.ts';
import { onDisk, resolveInside } from '../base/logical-path.ts';
import { isTree } from './image.ts';
import type { Image, ImageType } from './image.ts';
import { imageNameOf, isImageName, nameMax, parseImageArgument } from './names.ts';
import { btrfsMagic, subvolumeInode } from '../base/subvolume.ts';
import { isVersioned, pickVersion, splitPattern } from './versions.ts';

/** What looking for images needs to know of the host. */
export interface ImageContext {
  /** Directory that stands for "/". */
  readonly root: string;
  readonly paths: HostPaths;
  readonly log: Log;
}

/**
 * The image a caller means by a name or a path.
 * @throws PortableError InvalidArgs (bad name or path), NoSuchImage, FileNotFound (no such path), BadImageType
 */
export async function findImage(context: ImageContext, argument: string, what = 'image'): Promise<Image> {
  const parsed = parseImageArgument(argument, what);
  return parsed.kind === 'path' ? findByPath(context, parsed.path) : findByName(context, parsed.name, what);
}

/**
 * The image `name` of the search path; "NAME.raw" is understood, too.
 * @param what the argument's name, for the message
 * @throws PortableError NoSuchImage; FileNotFound for an extension
 */
export async function findByName(context: ImageContext, name: string, what = 'image'): Promise<Image> {
  for (const directory of context.paths.imageSearchPath) {
    for (const fileName of fileNamesFor(name)) {
      const image = await entryAt(context, path.join(directory, fileName), true);
      if (image !== undefined) return image;
    }
  }
  // the bus interface has an error of its own only for the image itself, not for its extensions
  throw new PortableError(
    what === 'image' ? 'NoSuchImage' : 'FileNotFound',
    `there is no ${what} ${quoted(name)}`,
    {
      file: name,
      hint: `looked in ${context.paths.imageSearchPath.join(', ')}; give an absolute path for an image elsewhere`,
    },
  );
}

/**
 * The image at an absolute path.
 * @throws PortableError FileNotFound, BadImageType; ENOTDIR for a disk image with a slash after it
 */
export async function findByPath(context: ImageContext, given: string): Promise<Image> {
  const wanted = given.replace(/\/$/, '');
  const pattern = splitPattern(wanted);
  const image =
    pattern === undefined
      ? await imageGiven(context, given, wanted)
      : await versionIn(context, pattern.directory, pattern.name, pattern.suffix, false);
  if (image !== undefined) return { ...image, inSearchPath: isInSearchPath(context, image) };
  throw new PortableError('BadImageType', `${quoted(given)} is not an image`, {
    file: given,
    hint: 'an image is a directory, a block device, or a regular file whose name ends in ".raw"',
  });
}

async function imageGiven(context: ImageContext, given: string, wanted: string): Promise<Image | undefined> {
  const image = await imageAt(context, wanted, false);
  if (image === undefined || given === wanted || isTree(image.type)) return image;
  throw new PortableError('InvalidArgs', `${quoted(given)} is no directory, though it ends in "/"`, {
    file: given,
    dbusName: 'System.Error.ENOTDIR',
  });
}

/** All images of the search path, sorted by name; entries that are none, or cannot be read, are left out. */
export async function listImages(context: ImageContext): Promise<readonly Image[]> {
  const found = new Map<string, Image>();
  for (const directory of context.paths.imageSearchPath) {
    for (const fileName of namesIn(context, directory)) {
      const name = imageNameOf(fileName.replace(/\.v$/, ''));
      if (found.has(name) || !isImageName(name)) continue;
      const image = await entryAt(context, path.join(directory, fileName), true).catch((error: unknown) => {
        context.log.warning(`skipping ${quoted(path.join(directory, fileName))}: ${messageOf(error)}`);
        return undefined;
      });
      if (image !== undefined) found.set(name, image);
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** File names that an image of this name can have, in the order of preference. */
function fileNamesFor(name: string): readonly string[] {
  const names = [name, `${name}.raw`, `${name}.v`, `${name}.raw.v`];
  return isVersioned(name) ? [] : names.filter((each) => Buffer.byteLength(each) <= nameMax);
}

/** Entries that are never images, whatever they are. */
const skipped =
  /^\.#|\.sysupdate\.|\.(nspawn|oci-config|roothash|roothash\.p7s|usrhash|usrhash\.p7s|verity)$/;

function namesIn(context: ImageContext, directory: string): readonly string[] {
  return entriesOf(context, directory)
    .map((bytes) => ({ bytes, text: bytes.toString() }))
    .filter(({ bytes, text }) => Buffer.from(text).equals(bytes) && !skipped.test(text))
    .map(({ text }) => text)
    .sort();
}

function entriesOf(context: ImageContext, directory: string): readonly Buffer[] {
  try {
    const at = onDisk(context.root, resolveInside(context.root, directory));
    // most hosts have one or two of these directories, and asking first is cheaper than an error
    if (statSync(at, { throwIfNoEntry: false }) === undefined) return [];
    return readdirSync(at, { encoding: 'buffer' });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') {
      context.log.warning(`skipping the images in ${quoted(directory)}: ${messageOf(error)}`);
    }
    return [];
  }
}

/** The image at an entry of the search path, versions looked into; undefined when it is none, or a broken link. */
async function entryAt(context: ImageContext, at: string, inSearchPath: boolean): Promise<Image | undefined> {
  try {
    if (!isVersioned(at)) return await imageAt(context, at, inSearchPath);
    const suffix = at.endsWith('.raw.v') ? '.raw' : '';
    const name = path.basename(at, `${suffix}.v`);
    const image = await versionIn(context, at, name, suffix, inSearchPath);
    return image === undefined ? undefined : { ...image, name };
  } catch (error) {
    if (error instanceof PortableError && (error.code === 'FileNotFound' || error.code === 'Loop'))
      return undefined;
    throw error;
  }
}

/** The best version that the directory `at` holds of `name`. */
async function versionIn(
  context: ImageContext,
  at: string,
  name: string,
  suffix: string,
  inSearchPath: boolean,
): Promise<Image | undefined> {
  const directory = resolveInside(context.root, at);
  let names: readonly string[];
  try {
    names = readdirSync(onDisk(context.root, directory));
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return undefined;
    throw fileError(error, 'read the versions in', at);
  }
  const picked = pickVersion(names, name, suffix);
  if (picked === undefined) {
    throw new PortableError(
      'FileNotFound',
      `no version of ${quoted(name)} in ${quoted(at)} fits this machine`,
      {
        file: at,
        hint: `versions are called ${name}_VERSION${suffix} or ${name}_VERSION_ARCHITECTURE${suffix}`,
      },
    );
  }
  return imageAt(context, path.join(directory, picked), inSearchPath);
}

async function imageAt(context: ImageContext, at: string, inSearchPath: boolean): Promise<Image | undefined> {
  const resolved = resolveInside(context.root, at);
  let facts: BigIntStats;
  try {
    // synchronous, as in disk/inode.ts: a few µs instead of a round trip through the thread pool
    facts = statSync(onDisk(context.root, resolved), { bigint: true });
  } catch (error) {
    throw fileError(error, 'look at', at);
  }
  const type = await typeOf(context, resolved, path.basename(at), facts);
  if (type === undefined) return undefined;
  return { name: imageNameOf(path.basename(at)), path: resolved, foundAt: at, type, inSearchPath };
}

async function typeOf(
  context: ImageContext,
  resolved: string,
  fileName: string,
  facts: BigIntStats,
): Promise<ImageType | undefined> {
  if (facts.isBlockDevice()) return 'block';
  if (facts.isFile()) return fileName.endsWith('.raw') ? 'raw' : undefined;
  if (!facts.isDirectory()) return undefined;
  if (facts.ino !== subvolumeInode) return 'directory';
  const { type } = await statfs(onDisk(context.root, resolved));
  return type === btrfsMagic ? 'subvolume' : 'directory';
}

/** Whether an image given by path is one that names of the search path lead to anyway. */
function isInSearchPath(context: ImageContext, image: Image): boolean {
  return [image.path, image.foundAt].some((each) =>
    context.paths.imageSearchPath.includes(path.dirname(each)),
  );
}
