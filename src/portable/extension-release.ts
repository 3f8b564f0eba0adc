/**
 * extension-release files: finding the one of a system or configuration extension, and whether the extension fits
 * the image it is laid over (spec "Attaching", Extensions; os-release(5), section extension-release).
 */
import path from 'node:path';
import { PortableError, quoted } from '../base/errors.ts';
import { hostArchitecture } from '../base/architecture.ts';
import type { Budget } from '../disk/budget.ts';
import type { FileTree } from '../disk/tree.ts';
import { listDirectory, readFile, resolve } from '../disk/walk.ts';
import { isTree } from '../images/image.ts';
import type { Image } from '../images/image.ts';
import { imageNameOf, imagePrefix, isImageName } from '../images/names.ts';
import { parseOsRelease } from './os-release.ts';

export type ExtensionClass = 'sysext' | 'confext';

/** The extension-release file of an extension. */
export interface ExtensionRelease {
  readonly class: ExtensionClass;
  /** Path inside the extension, for messages. */
  readonly path: string;
  readonly content: Buffer;
  readonly fields: ReadonlyMap<string, string>;
  /** Named after the image, after the image without its version, or after something else. */
  readonly named: 'exactly' | 'without version' | 'otherwise';
}

const places: readonly { readonly class: ExtensionClass; readonly directory: string }[] = [
  { class: 'sysext', directory: '/usr/lib/extension-release.d' },
  { class: 'confext', directory: '/etc/extension-release.d' },
];

/** Where extension-release files are, inside an extension. */
export const extensionReleaseDirectories: readonly string[] = places.map((place) => place.directory);

const filePrefix = 'extension-release.';
const strictAttribute = 'user.extension-release.strict';

/**
 * The extension-release file of an extension: the one named after the image. Where there is none, the
 * only one that is named after the image without its version, or that is marked as not strict, or, with `relax`, the
 * only one there is. A system extension's comes before a configuration extension's.
 * @throws PortableError FileNotFound (of a directory), NoMedium (of a disk image) when there is none;
 * NotUnique when several could be meant
 */
export async function findExtensionRelease(
  tree: FileTree,
  image: Pick<Image, 'path' | 'type'>,
  relax: boolean,
  budget: Budget,
): Promise<ExtensionRelease> {
  // the service manager knows the image by its real path alone, not by links to it or directories of versions
  const name = imageNameOf(path.basename(image.path));
  const isDisk = !isTree(image.type);
  if (isDisk) await refuseOperatingSystem(tree, budget);
  for (const place of places) {
    const file = await releasePath(tree, place.directory, name, relax, budget);
    const content =
      file === undefined ? undefined : await readFile(tree, file, budget.limits.osReleaseBytes, budget);
    if (file !== undefined && content !== undefined) {
      const named = namedAs(path.basename(file).slice(filePrefix.length), name);
      return { class: place.class, path: file, content, fields: parseOsRelease(content), named };
    }
  }
  throw new PortableError(
    isDisk ? 'NoMedium' : 'FileNotFound',
    `${quoted(tree.name)} is no extension called ${quoted(name)}: it has no ${filePrefix}${name} in ${extensionReleaseDirectories.join(' or ')}`,
    { file: tree.name, hint: 'rename the file in the image, or attach with --force' },
  );
}

function namedAs(candidate: string, name: string): ExtensionRelease['named'] {
  if (candidate === name) return 'exactly';
  return candidate === imagePrefix(name) ? 'without version' : 'otherwise';
}

async function releasePath(
  tree: FileTree,
  directory: string,
  name: string,
  relax: boolean,
  budget: Budget,
): Promise<string | undefined> {
  const own = `${directory}/${filePrefix}${name}`;
  const found = await resolve(tree, own, budget, { follow: true });
  await found?.node.close();
  if (found !== undefined) return own;
  const candidates: string[] = [];
  for (const candidate of await releaseNames(tree, directory, budget)) {
    const at = `${directory}/${filePrefix}${candidate}`;
    if (relax || namedAs(candidate, name) !== 'otherwise' || !(await isStrict(tree, at, budget))) {
      candidates.push(at);
    }
  }
  if (candidates.length > 1) {
    throw new PortableError(
      'NotUnique',
      `${quoted(tree.name)} has several extension-release files, none for ${quoted(name)}: ${candidates.join(', ')}`,
      {
        file: tree.name,
        hint: `an extension has one, called ${filePrefix}${name}`,
      },
    );
  }
  return candidates[0];
}

/** The images that extension-release files of a directory are for; what is no regular file does not count. */
async function releaseNames(tree: FileTree, directory: string, budget: Budget): Promise<readonly string[]> {
  const entries = (await listDirectory(tree, directory, budget)) ?? [];
  return entries
    .filter((entry) => entry.kind === 'file')
    .map((entry) => entry.name.toString())
    .filter((entry) => entry.startsWith(filePrefix))
    .map((entry) => entry.slice(filePrefix.length))
    .filter(isImageName);
}

const osRelease = '/usr/lib/os-release';

/** @throws PortableError NoMedium for a disk image that is an operating system of its own: that would hide the other's */
async function refuseOperatingSystem(tree: FileTree, budget: Budget): Promise<void> {
  const found = await resolve(tree, osRelease, budget, { follow: true });
  await found?.node.close();
  if (found === undefined) return;
  throw new PortableError('NoMedium', `${quoted(tree.name)} is no extension: it has an ${osRelease}`, {
    file: tree.name,
    hint: 'an extension says what it is in extension-release alone',
  });
}

/** Whether the file insists on its name: unless its attribute says "false". */
async function isStrict(tree: FileTree, file: string, budget: Budget): Promise<boolean> {
  const found = await resolve(tree, file, budget, { follow: true });
  if (found === undefined) return true;
  try {
    const value = (await found.node.xattrs()).get(strictAttribute)?.toString().replace(/\0$/, '');
    return !['0', 'no', 'n', 'false', 'f', 'off'].includes(value?.toLowerCase() ?? '');
  } finally {
    await found.node.close();
  }
}

/** The image that an extension is laid over. */
interface Root {
  readonly path: string;
  readonly osRelease: ReadonlyMap<string, string>;
}

/** What of an extension-release file is checked. */
type Stated = Pick<ExtensionRelease, 'class' | 'path' | 'fields'>;

/** Throws, saying what is wrong with the extension-release file. */
type Refuse = (what: string) => never;

/**
 * Checks that an extension fits the image it is meant for.
 * @param extension its path, for messages
 * @throws PortableError Stale, naming the field of the file that does not match, and what it was to match
 */
export function checkExtension(extension: string, release: Stated, root: Root): void {
  const { fields } = release;
  const refuse: Refuse = (what) => {
    throw new PortableError(
      'Stale',
      `the extension ${quoted(extension)} does not fit ${quoted(root.path)}: its ${release.path} ${what}`,
      { file: extension, hint: 'compare that file with os-release in the image' },
    );
  };
  checkHost(release, refuse);
  const id = fields.get('ID') ?? '';
  if (id === '') refuse('has no ID=');
  // static binaries and the like fit everywhere
  if (id === '_any') return;
  const rootId = root.osRelease.get('ID') ?? '';
  const rootLikes = root.osRelease.get('ID_LIKE') ?? '';
  if (id !== rootId && !words(rootLikes).includes(id)) {
    const nor = rootLikes === '' ? '' : `, nor one of ID_LIKE=${rootLikes}`;
    refuse(`has ID=${id}, which is not ID=${rootId} of the image${nor}`);
  }
  checkLevel(release, root, refuse);
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function checkHost(release: Stated, refuse: Refuse): void {
  const architecture = release.fields.get('ARCHITECTURE') ?? '';
  if (architecture !== '' && architecture !== '_any' && architecture !== hostArchitecture) {
    refuse(`has ARCHITECTURE=${architecture}, and this machine is ${hostArchitecture}`);
  }
  const field = release.class === 'sysext' ? 'SYSEXT_SCOPE' : 'CONFEXT_SCOPE';
  const scope = release.fields.get(field) ?? 'system portable';
  if (!words(scope).includes('portable')) {
    refuse(`has ${field}=${scope}, which does not name "portable"`);
  }
}

/** The levels, where both have one, else the versions, unless the image has none (a rolling release). */
function checkLevel(release: Stated, root: Root, refuse: Refuse): void {
  const levelField = release.class === 'sysext' ? 'SYSEXT_LEVEL' : 'CONFEXT_LEVEL';
  const level = release.fields.get(levelField) ?? '';
  const rootLevel = root.osRelease.get(levelField) ?? '';
  if (level !== '' && rootLevel !== '') {
    if (level !== rootLevel) {
      refuse(`has ${levelField}=${level}, which is not ${levelField}=${rootLevel} of the image`);
    }
    return;
  }
  const rootVersion = root.osRelease.get('VERSION_ID') ?? '';
  if (rootVersion === '') return;
  const version = release.fields.get('VERSION_ID') ?? '';
  if (version === '') {
    refuse(
      `has neither VERSION_ID=, to match VERSION_ID=${rootVersion} of the image, nor a ${levelField}= as it has`,
    );
  }
  if (version !== rootVersion) {
    refuse(`has VERSION_ID=${version}, which is not VERSION_ID=${rootVersion} of the image`);
  }
}
