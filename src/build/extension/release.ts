/** The extension-release file of a system or configuration extension: os-release(5), systemd-sysext(8). */
import { PortableError, quoted } from '../../base/errors.ts';
import { isArchitecture, hostArchitecture } from '../../base/architecture.ts';
import { nearest } from '../../base/nearest.ts';
import { checkExtension } from '../../portable/extension-release.ts';
import type { ExtensionClass } from '../../portable/extension-release.ts';
import { assignments } from '../os-release.ts';

export interface ExtensionIdentity {
  readonly class: ExtensionClass;
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly homepage?: string;
  /** "FIELD=VALUE" each, stronger than all else. */
  readonly fields: readonly string[];
}

/** What an extension is laid over. */
export interface ExtensionBase {
  /** For messages. */
  readonly path: string;
  readonly osRelease: ReadonlyMap<string, string>;
}

/** The fields that may be given; `X` stands for SYSEXT or CONFEXT. */
const giveable = ['ID', 'VERSION_ID', 'X_LEVEL', 'ARCHITECTURE', 'X_SCOPE', 'PORTABLE_PREFIXES'] as const;

const scopes = ['system', 'initrd', 'portable'];

/**
 * The text of the file. What is not given: ID and VERSION_ID (or the level) of the base, else of the system that the
 * contents come from; this machine's architecture for a system extension.
 * @param system os-release of the system that the contents come from
 * @param base checked against, where there is one
 * @param hasUnits whether attaching shall find units in it
 * @throws PortableError InvalidArgs for fields that are none; Stale when the base would refuse the extension
 */
export function extensionReleaseText(
  image: ExtensionIdentity,
  system: ReadonlyMap<string, string>,
  base: ExtensionBase | undefined,
  hasUnits: boolean,
): string {
  const kind = image.class === 'sysext' ? 'SYSEXT' : 'CONFEXT';
  const given = readFields(image.fields, kind);
  const of = base?.osRelease ?? system;
  const fields = new Map<string, string | undefined>();
  fields.set('ID', given.get('ID') ?? of.get('ID') ?? '_any');
  const level = given.get(`${kind}_LEVEL`) ?? of.get(`${kind}_LEVEL`);
  const forAny = fields.get('ID') === '_any';
  fields.set(`${kind}_LEVEL`, level);
  // a level says that the version does not matter
  const version = forAny || level !== undefined ? undefined : of.get('VERSION_ID');
  fields.set('VERSION_ID', given.get('VERSION_ID') ?? version);
  fields.set(
    'ARCHITECTURE',
    given.get('ARCHITECTURE') ?? (image.class === 'sysext' ? hostArchitecture : undefined),
  );
  fields.set(`${kind}_SCOPE`, given.get(`${kind}_SCOPE`));
  fields.set(`${kind}_ID`, image.name);
  fields.set(`${kind}_VERSION_ID`, image.version);
  fields.set(`${kind}_PRETTY_NAME`, image.description);
  fields.set('PORTABLE_PREFIXES', given.get('PORTABLE_PREFIXES') ?? (hasUnits ? image.name : undefined));
  fields.set('HOME_URL', image.homepage);
  if (base !== undefined) checkAgainst(image, fields, base);
  return assignments([...fields]);
}

/** Where the file is in the image: named after the image, or systemd before 254 would not take it. */
export function extensionReleasePath(image: Pick<ExtensionIdentity, 'class' | 'name' | 'version'>): string {
  const directory = image.class === 'sysext' ? '/usr/lib' : '/etc';
  return `${directory}/extension-release.d/extension-release.${image.name}_${image.version}`;
}

function readFields(given: readonly string[], kind: 'SYSEXT' | 'CONFEXT'): ReadonlyMap<string, string> {
  const known = giveable.map((name) => name.replace(/^X_/, `${kind}_`));
  return new Map(
    given.map((text) => {
      const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
      if (!known.includes(name)) {
        const meant = nearest(name, known);
        throw new PortableError('InvalidArgs', `${quoted(text)} is no field of an extension-release file`, {
          hint:
            meant === undefined ? `FIELD=VALUE; known are ${known.join(', ')}` : `did you mean "${meant}"?`,
        });
      }
      checkValue(name, value);
      return [name, value];
    }),
  );
}

function checkValue(name: string, value: string): void {
  const words = value.split(/\s+/);
  const good =
    name === 'ID'
      ? /^(_any|[a-z0-9._-]+)$/.test(value)
      : name === 'ARCHITECTURE'
        ? value === '_any' || isArchitecture(value)
        : name.endsWith('_SCOPE')
          ? words.every((word) => scopes.includes(word))
          : value !== '';
  if (good) return;
  const hints: Readonly<Record<string, string>> = {
    ID: 'lower case letters, digits, ".", "_" and "-", or "_any"',
    ARCHITECTURE: 'as systemd names them: "x86-64", "arm64", or "_any"',
  };
  throw new PortableError('InvalidArgs', `${name}=${value} is no value of an extension-release file`, {
    hint: hints[name] ?? (name.endsWith('_SCOPE') ? `one or more of ${scopes.join(', ')}` : undefined),
  });
}

/** As attaching would check it. */
function checkAgainst(
  image: ExtensionIdentity,
  fields: ReadonlyMap<string, string | undefined>,
  base: ExtensionBase,
): void {
  const path = extensionReleasePath(image);
  const known = [...fields].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  const release = { class: image.class, path, fields: new Map(known) };
  checkExtension(`${image.name}_${image.version}`, release, base);
}
