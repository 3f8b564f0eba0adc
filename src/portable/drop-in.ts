/** The drop-in that points a unit into its image: 20-portable.conf (spec "Attaching", What is written). */
import path from 'node:path';
import type { ManagerSettings } from './manager-settings.ts';
import { formatMarker } from './marker.ts';
import { directoryWord, imageWord, wholeLineDirectory, wholeLinePath, word } from './unit-syntax.ts';
import { portableUnitType } from './unit-name.ts';

export const dropInName = '20-portable.conf';
export const profileLinkName = '10-profile.conf';

/** One image of an attachment, as the drop-in names it. */
export interface DropInLayer {
  /** Resolved path. */
  readonly path: string;
  /** A disk image (raw file, block device) as opposed to a directory tree. */
  readonly disk: boolean;
  /** ID and version, see nameAndVersion; empty when there is none. */
  readonly nameAndVersion: string;
}

/** An extension, as the drop-in names it. */
export interface DropInExtension extends Omit<DropInLayer, 'nameAndVersion'> {
  /** What it calls itself, as a system extension and as a configuration extension; usually one of the two. */
  readonly namesAndVersions: readonly string[];
  /** The service manager is not to insist on the name of its extension-release file. */
  readonly relaxed: boolean;
}

/** Everything the drop-in of one unit says. */
export interface DropInFacts extends Omit<ManagerSettings, 'knowsVersionedNames'> {
  readonly unit: string;
  readonly image: DropInLayer;
  readonly extensions: readonly DropInExtension[];
  /** The layer that holds the unit. */
  readonly holder: Pick<DropInLayer, 'path'>;
  /** Comment lines of our own (image-links.ts). */
  readonly notes: readonly string[];
}

/**
 * The content of 20-portable.conf.
 * @throws PortableError InvalidArgs when a path cannot be written into a unit file
 */
export function formatDropIn(facts: DropInFacts): Buffer {
  const marker = formatMarker([facts.image.path, ...facts.extensions.map((extension) => extension.path)]);
  const lines = [marker, ...facts.notes];
  if (portableUnitType(facts.unit) === 'service') lines.push('', '[Service]', ...serviceSettings(facts));
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}

function serviceSettings(facts: DropInFacts): readonly string[] {
  const { image, extensions, holder } = facts;
  const root = image.disk
    ? `RootImage=${wholeLinePath(image.path)}`
    : `RootDirectory=${wholeLineDirectory(image.path)}`;
  const portable = word(`PORTABLE=${path.basename(holder.path)}`);
  return [
    root,
    `Environment=${portable}`,
    ...setting(
      'BindReadOnlyPaths',
      facts.bindHostOsRelease ? '/etc/os-release:/run/host/os-release' : undefined,
    ),
    ...setting('PrivateUsers', facts.privateUsers ? 'yes' : undefined),
    `LogExtraFields=${portable}`,
    ...setting('RootImagePolicy', image.disk ? facts.rootPolicy : undefined),
    ...(extensions.length === 0
      ? logField('PORTABLE_NAME_AND_VERSION', image.nameAndVersion)
      : [
          ...layeredRootSettings(image),
          ...extensions.flatMap((extension) => extensionBlock(extension, facts)),
        ]),
  ];
}

function layeredRootSettings(image: DropInLayer): readonly string[] {
  const root = word(`PORTABLE_ROOT=${path.basename(image.path)}`);
  return [
    `Environment=${root}`,
    `LogExtraFields=${root}`,
    ...logField('PORTABLE_ROOT_NAME_AND_VERSION', image.nameAndVersion),
  ];
}

/** The settings of one extension; the policy is one for all of them, since the last one read wins. */
function extensionBlock(extension: DropInExtension, facts: DropInFacts): readonly string[] {
  return [
    '',
    extensionSetting(extension),
    ...logField('PORTABLE_EXTENSION', path.basename(extension.path)),
    ...setting('ExtensionImagePolicy', extension.disk ? facts.extensionPolicy : undefined),
    ...extension.namesAndVersions.flatMap((each) => logField('PORTABLE_EXTENSION_NAME_AND_VERSION', each)),
  ];
}

/** Directories cannot be relaxed: there is no way to say so. */
function extensionSetting(extension: DropInExtension): string {
  if (!extension.disk) return `ExtensionDirectories=${directoryWord(extension.path)}`;
  const options = extension.relaxed ? 'x-systemd.relax-extension-release-check' : '';
  return `ExtensionImages=${imageWord(extension.path, options)}`;
}

function logField(name: string, value: string): readonly string[] {
  return value === '' ? [] : [`LogExtraFields=${word(`${name}=${value}`)}`];
}

function setting(name: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [`${name}=${value}`];
}

/**
 * What a layer calls itself, for the journal: IMAGE_ID or ID, "_", IMAGE_VERSION or VERSION_ID or BUILD_ID; without
 * the part that is missing or has control characters in it, which no line of a unit file could carry.
 * @param prefix "" for an image, "SYSEXT_" or "CONFEXT_" for an extension
 */
export function nameAndVersion(release: ReadonlyMap<string, string>, prefix: string): string {
  const first = (...names: readonly string[]): string => {
    const stated =
      names.map((name) => release.get(prefix + name)).find((value) => (value ?? '') !== '') ?? '';
    return /[\u0000-\u001f\u007f-\u009f]/.test(stated) ? '' : stated;
  };
  const name = first('IMAGE_ID', 'ID');
  const version = first('IMAGE_VERSION', 'VERSION_ID', 'BUILD_ID');
  return [name, version].filter((part) => part !== '').join('_');
}
