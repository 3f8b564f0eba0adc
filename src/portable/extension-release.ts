/**
 * extension-release files: finding the one of a system or configuration extension, and whether the extension fits
 * the image it is laid over (spec "Attaching", Extensions; os-release(5), section extension-release).
 */
import { PortableError, quoted } from '../base/errors.ts';
import { hostArchitecture } from '../base/architecture.ts';
import type { Budget } from '../disk/budget.ts';
import type { FileTree } from '../disk/tree.ts';
import { listDirectory, readFile, resolve } from '../disk/walk.ts';
import { isTree } from '../images/image.ts';
import type { Image } from '../images/image.ts';
import { imagePrefix } from '../images/names.ts';
import { parseOsRelease } from './os-release.ts';

export type ExtensionClass = 'sysext' | 'confext';

/** The extension-release file of an extension. */
export interface ExtensionRelease {
  readonly class: ExtensionClass;
  /** Path inside the extension, for messages. */
  readonly path: string;
  readonly content: Buffer;
  readonly fields: ReadonlyMap<string, string>;
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
 * The extension-release file of the extension image `name`: named after the image, or after its prefix without the
 * version; any single other one when it is marked as not strict, or with `relax`.
 * @throws PortableError FileNotFound (of a directory), NoMedium (of a disk image) when there is none of that name;
 * InvalidArgs when several could be meant
 */
export async function findExtensionRelease(
  tree: FileTree,
  { name, type }: Pick<Image, 'name' | 'type'>,
  relax: boolean,
  budget: Budget,
): Promise<ExtensionRelease> {
  for (const place of places) {
    const path = await releasePath(tree, place.directory, name, relax, budget);
    const content =
      path === undefined ? undefined : await readFile(tree, path, budget.limits.osReleaseBytes, budget);
    if (path !== undefined && content !== undefined) {
      return { class: place.class, path, content, fields: parseOsRelease(content) };
    }
  }
  throw new PortableError(
    isTree(type) ? 'FileNotFound' : 'NoMedium',
    `${quoted(tree.name)} is no extension called ${quoted(name)}: it has no ${filePrefix}${name} in ${extensionReleaseDirectories.join(' or ')}`,
    { file: tree.name, hint: 'rename the file in the image, or attach with --force' },
  );
}

async function releasePath(
  tree: FileTree,
  directory: string,
  name: string,
  relax: boolean,
  budget: Budget,
): Promise<string | undefined> {
  const entries = await listDirectory(tree, directory, budget);
  if (entries === undefined) return undefined;
  const names = entries.map((entry) => entry.name.toString()).filter((entry) => entry.startsWith(filePrefix));
  for (const wanted of new Set([name, imagePrefix(name)])) {
    if (names.includes(filePrefix + wanted)) return `${directory}/${filePrefix}${wanted}`;
  }
  const candidates: string[] = [];
  for (const candidate of names) {
    const path = `${directory}/${candidate}`;
    if (relax || !(await isStrict(tree, path, budget))) candidates.push(path);
  }
  if (candidates.length > 1) {
    throw new PortableError(
      'InvalidArgs',
      `${quoted(tree.name)} has several extension-release files, none for ${quoted(name)}: ${candidates.join(', ')}`,
      {
        file: tree.name,
        hint: `an extension has one, called ${filePrefix}${name}`,
      },
    );
  }
  return candidates[0];
}

/** Whether the file insists on its name: unless its attribute says "false". */
async function isStrict(tree: FileTree, path: string, budget: Budget): Promise<boolean> {
  const found = await resolve(tree, path, budget, { follow: true });
  if (found === undefined) return true;
  try {
    const value = (await found.node.xattrs()).get(strictAttribute)?.toString().replace(/\0$/, '');
    return !['0', 'no', 'n', 'false', 'f', 'off'].includes(value?.toLowerCase() ?? '');
  } finally {
    await found.node.close();
  }
}

/**
 * Checks that an extension fits the image it is meant for.
 * @param extension its path, for messages
 * @param root the image's path and os-release
 * @throws PortableError Stale, naming the field that does not match
 */
export function checkExtension(
  extension: string,
  release: ExtensionRelease,
  root: { readonly path: string; readonly osRelease: ReadonlyMap<string, string> },
): void {
  const { fields } = release;
  const refuse = (what: string): never => {
    throw new PortableError(
      'Stale',
      `the extension ${quoted(extension)} does not fit ${quoted(root.path)}: ${what}`,
      {
        file: extension,
        hint: `compare ${release.path} in the extension with os-release in the image`,
      },
    );
  };
  checkHost(release, refuse);
  const id = fields.get('ID') ?? '';
  if (id === '') refuse(`its ${release.path} has no ID=`);
  if (id === '_any') return;
  const rootId = root.osRelease.get('ID') ?? '';
  const likes = (root.osRelease.get('ID_LIKE') ?? '').split(/\s+/).filter((like) => like !== '');
  if (id !== rootId && !likes.includes(id)) refuse(`it is for ID=${id}, the image is ID=${rootId}`);
  checkLevel(release, root.osRelease, refuse);
}

function checkHost(release: ExtensionRelease, refuse: (what: string) => never): void {
  const architecture = release.fields.get('ARCHITECTURE') ?? '';
  if (architecture !== '' && architecture !== '_any' && architecture !== hostArchitecture) {
    refuse(`it is for ARCHITECTURE=${architecture}, this machine is ${hostArchitecture}`);
  }
  const scopeField = release.class === 'sysext' ? 'SYSEXT_SCOPE' : 'CONFEXT_SCOPE';
  const scope = release.fields.get(scopeField) ?? '';
  const scopes = scope === '' ? ['system', 'portable'] : scope.split(/\s+/);
  if (!scopes.includes('portable')) refuse(`its ${scopeField}=${scope} does not allow portable services`);
}

function checkLevel(
  release: ExtensionRelease,
  osRelease: ReadonlyMap<string, string>,
  refuse: (what: string) => never,
): void {
  const levelField = release.class === 'sysext' ? 'SYSEXT_LEVEL' : 'CONFEXT_LEVEL';
  const level = release.fields.get(levelField) ?? '';
  const rootLevel = osRelease.get(levelField) ?? '';
  if (level !== '' && rootLevel !== '') {
    if (level !== rootLevel) refuse(`it has ${levelField}=${level}, the image ${levelField}=${rootLevel}`);
    return;
  }
  const rootVersion = osRelease.get('VERSION_ID') ?? '';
  if (rootVersion === '') return;
  const version = release.fields.get('VERSION_ID') ?? '';
  if (version !== rootVersion) {
    refuse(
      version === ''
        ? `it states neither VERSION_ID= nor a ${levelField}= that the image has, too`
        : `it has VERSION_ID=${version}, the image VERSION_ID=${rootVersion}`,
    );
  }
}
