/** Profiles: drop-ins with sandbox settings, one directory each (portablectl(1), section Profiles). */
import { readFile, readdir, stat } from 'node:fs/promises';
import { PortableError, errnoOf, fileError, quoted } from '../base/errors.ts';
import type { HostPaths } from '../base/host-paths.ts';
import { onDisk, resolveInside } from '../base/logical-path.ts';
import type { PortableUnitType } from './unit-name.ts';

interface ProfileContext {
  readonly root: string;
  readonly paths: HostPaths;
}

/** A profile's drop-in for one unit type. */
export interface ProfileFile {
  /** Where it is, as seen from the host root. */
  readonly path: string;
  readonly content: Buffer;
}

/** A profile is a few dozen lines; nothing above this is read. */
const maxProfileBytes = 1024 * 1024;

/** Names of all profiles there are, sorted. */
export async function listProfiles(context: ProfileContext): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const directory of context.paths.profiles) {
    try {
      const entries = await readdir(onDisk(context.root, directory), { withFileTypes: true });
      for (const entry of entries) {
        if (isProfileName(entry.name) && (entry.isDirectory() || entry.isSymbolicLink()))
          names.add(entry.name);
      }
    } catch (error) {
      if (!isAbsent(error)) throw fileError(error, 'read the profiles in', directory);
    }
  }
  return [...names].sort();
}

function isProfileName(name: string): boolean {
  return (
    name !== '' &&
    !name.startsWith('.') &&
    Buffer.byteLength(name) <= 255 &&
    !/[/\u0000-\u001f\u007f]/.test(name)
  );
}

/**
 * Makes sure that a profile is one: systemd would run the units without a sandbox otherwise.
 * @throws PortableError InvalidArgs listing the profiles there are
 */
export async function checkProfile(context: ProfileContext, profile: string): Promise<void> {
  if (profile === '') return;
  const profiles = await listProfiles(context);
  if (profiles.includes(profile)) return;
  throw new PortableError('InvalidArgs', `there is no profile ${quoted(profile)}`, {
    hint:
      profiles.length === 0
        ? `none in ${context.paths.profiles.join(', ')}`
        : `there are: ${profiles.join(', ')}`,
  });
}

/**
 * The drop-in of a profile for a unit type: of the first directory that has one. Undefined where no directory has.
 * @throws PortableError when a file is there and cannot be read
 */
export async function findProfileFile(
  context: ProfileContext,
  profile: string,
  type: PortableUnitType,
): Promise<ProfileFile | undefined> {
  if (profile === '') return undefined;
  for (const directory of context.paths.profiles) {
    const file = `${directory}/${profile}/${type}.conf`;
    try {
      const at = onDisk(context.root, await resolveInside(context.root, file));
      const { size } = await stat(at);
      if (size > maxProfileBytes) {
        throw new PortableError(
          'LimitsExceeded',
          `the profile ${quoted(file)} has ${size} bytes, more than ${maxProfileBytes}`,
          {
            file,
          },
        );
      }
      return { path: file, content: await readFile(at) };
    } catch (error) {
      if (!isAbsent(error)) throw fileError(error, 'read the profile', file);
    }
  }
  return undefined;
}

function isAbsent(error: unknown): boolean {
  const errno = errnoOf(error);
  return (
    errno === 'ENOENT' ||
    errno === 'ENOTDIR' ||
    (error instanceof PortableError && error.code === 'FileNotFound')
  );
}
