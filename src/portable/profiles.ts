/**
 * Profiles: drop-ins with sandbox settings, one directory each (portablectl(1), section Profiles). Few and small files are
 * looked for in many places: synchronous calls, a few µs each.
 */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { PortableError, errnoOf, fileError, quoted } from '../base/errors.ts';
import type { HostPaths } from '../base/host-paths.ts';
import { resolvedOnDisk } from '../base/logical-path.ts';
import { readSmallFile } from '../base/small-file.ts';
import { nameMax } from '../images/names.ts';
import { portableUnitType, portableUnitTypes } from './unit-name.ts';
import type { PortableUnitType } from './unit-name.ts';

interface ProfileContext {
  readonly root: string;
  readonly paths: HostPaths;
  readonly packagedProfiles?: string | undefined;
}

/** A profile's drop-in for one unit type. */
export interface ProfileFile {
  /** Where it is: as seen from the host root, or, where it must be copied, on this machine. */
  readonly path: string;
  readonly content: Buffer;
  /** It is no part of the host, or may be gone at any time: a link to it would not do. */
  readonly mustCopy: boolean;
}

/** A profile is a few dozen lines; nothing above this is read. */
export const maxProfileBytes = 1024 * 1024;

/** Names of all profiles there are, sorted. */
export function listProfiles(context: ProfileContext): readonly string[] {
  const names = new Set<string>();
  for (const { onDisk, shown } of profileDirectories(context)) {
    try {
      const entries = readdirSync(onDisk, { withFileTypes: true });
      for (const entry of entries) {
        if (isProfileName(entry.name) && (entry.isDirectory() || entry.isSymbolicLink()))
          names.add(entry.name);
      }
    } catch (error) {
      if (!isAbsent(error)) throw fileError(error, 'read the profiles in', shown);
    }
  }
  return [...names].sort();
}

interface ProfileDirectory {
  readonly onDisk: string;
  /** As seen from the host root. */
  readonly shown: string;
  readonly packaged: boolean;
}

/** Where profiles are looked for, first hit wins; those of our own package come last. */
function profileDirectories(context: ProfileContext): readonly ProfileDirectory[] {
  const { root, paths, packagedProfiles: own } = context;
  const directories: ProfileDirectory[] = [];
  for (const shown of paths.profiles) {
    directories.push({ onDisk: resolvedOnDisk(root, shown), shown, packaged: false });
  }
  return own === undefined ? directories : [...directories, { onDisk: own, shown: own, packaged: true }];
}

function isProfileName(name: string): boolean {
  return (
    name !== '' &&
    !name.startsWith('.') &&
    Buffer.byteLength(name) <= nameMax &&
    !/[/\u0000-\u001f\u007f]/.test(name)
  );
}

/**
 * Makes sure that a profile is one: systemd would run the units without a sandbox otherwise.
 * @throws PortableError InvalidArgs listing the profiles there are
 */
export function checkProfile(context: ProfileContext, profile: string): void {
  if (profile === '') return;
  if (path.isAbsolute(profile)) {
    checkProfilePath(profile);
    return;
  }
  const profiles = listProfiles(context);
  if (profiles.includes(profile)) return;
  throw new PortableError('InvalidArgs', `there is no profile ${quoted(profile)}`, {
    hint:
      profiles.length === 0
        ? `none in ${context.paths.profiles.join(', ')}`
        : `there are: ${profiles.join(', ')}`,
  });
}

function checkProfilePath(profile: string): void {
  const files = [];
  for (const type of portableUnitTypes) files.push(profileAtPath(profile, type));
  if (files.some((file) => file !== undefined)) return;
  throw new PortableError('InvalidArgs', `there is no profile at ${quoted(profile)}`, {
    file: profile,
    hint: 'expected a file with settings for services, or a directory with files like service.conf',
  });
}

/**
 * The drop-in of a profile for a unit type: of the first directory that has one. Undefined where no directory has.
 * @param profile a name, or the absolute path (on this machine, not in the host root) of a directory like those that
 *   hold profiles, or of one file: TYPE.conf is for units of that type, any other file for services
 * @throws PortableError when a file is there and cannot be read
 */
export function findProfileFile(
  context: ProfileContext,
  profile: string,
  type: PortableUnitType,
): ProfileFile | undefined {
  if (profile === '') return undefined;
  if (path.isAbsolute(profile)) return profileAtPath(profile, type);
  const name = `${profile}/${type}.conf`;
  for (const directory of context.paths.profiles) {
    const shown = `${directory}/${name}`;
    const content = readProfile(resolvedOnDisk(context.root, shown), shown);
    if (content !== undefined) return { path: shown, content, mustCopy: false };
  }
  const packaged = context.packagedProfiles === undefined ? undefined : `${context.packagedProfiles}/${name}`;
  const content = packaged === undefined ? undefined : readProfile(packaged);
  return packaged === undefined || content === undefined
    ? undefined
    : { path: packaged, content, mustCopy: true };
}

function profileAtPath(profile: string, type: PortableUnitType): ProfileFile | undefined {
  const file = isDirectory(profile) ? path.join(profile, `${type}.conf`) : profile;
  const typed = portableUnitType(path.basename(file).replace(/^(.*)\.conf$/, 'x.$1')) ?? 'service';
  const content = typed === type ? readProfile(file) : undefined;
  return content === undefined ? undefined : { path: file, content, mustCopy: true };
}

function isDirectory(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch (error) {
    if (isAbsent(error)) return false;
    throw fileError(error, 'look at the profile', file);
  }
}

/** What a file says; undefined when it is not there. @throws PortableError when it is no file of a sensible size */
function readProfile(onDisk: string, file = onDisk): Buffer | undefined {
  const content = readSmallFile(onDisk, maxProfileBytes, file);
  if (content !== 'other') return content;
  throw new PortableError('InvalidArgs', `the profile ${quoted(file)} is not a regular file`, { file });
}

function isAbsent(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}
