/** The os-release file of a built image: os-release(5). */
import { PortableError, quoted } from '../base/errors.ts';

/** What is said about the image itself. */
export interface ImageIdentity {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly homepage?: string;
}

/** What the system that the image's programs come from says about itself. */
const ofTheSystem = ['ID', 'ID_LIKE', 'PRETTY_NAME', 'VERSION_ID', 'VERSION_CODENAME', 'BUILD_ID'] as const;

/**
 * The text of the file.
 * @param base os-release of the system that the image's programs come from; empty when nobody knows
 * @throws PortableError InvalidArgs for what such a file cannot say
 */
export function osReleaseText(image: ImageIdentity, base: ReadonlyMap<string, string>): string {
  const system = ofTheSystem.map((name) => [name, base.get(name)] as const);
  const known = new Map<string, string | undefined>([['ID', 'linux'], ...definedOnly(system)]);
  // one of the two must say which build of the system this is
  if (!known.has('VERSION_ID') && !known.has('BUILD_ID')) known.set('BUILD_ID', image.version);
  known.set('PORTABLE_ID', image.name);
  known.set('PORTABLE_PRETTY_NAME', image.description);
  known.set('PORTABLE_PREFIXES', image.name);
  known.set('HOME_URL', image.homepage);
  return assignments([...known]);
}

/**
 * The lines of such a file, or of an extension-release file; what is undefined is left out.
 * @throws PortableError InvalidArgs for values of more than a line
 */
export function assignments(fields: readonly (readonly [string, string | undefined])[]): string {
  return definedOnly(fields)
    .map(([name, value]) => `${name}=${shellQuoted(value)}\n`)
    .join('');
}

function definedOnly(entries: readonly (readonly [string, string | undefined])[]): [string, string][] {
  return entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
}

/** Plain, or between double quotes with everything escaped that means something there. */
function shellQuoted(value: string): string {
  if (/[\0\n]/.test(value)) {
    throw new PortableError('InvalidArgs', `${quoted(value)} does not fit on a line of os-release`);
  }
  return /^[A-Za-z0-9._-]+$/.test(value) ? value : `"${value.replace(/["\\`$]/g, '\\$&')}"`;
}
