/** The [Install] section of a unit file (systemd.unit(5), "[Install] Section Options"; systemd.syntax(7)). */
import { parseUnitFile } from '../../base/unit-file.ts';

/** No unit file is larger; of images it can be set (portabled.conf(5), UnitFileSize=). In bytes. */
export const maxUnitFile = 1024 * 1024;

/** The settings that say how to enable a unit, as written: specifiers are not resolved. */
export interface Install {
  readonly aliases: readonly string[];
  readonly wantedBy: readonly string[];
  readonly requiredBy: readonly string[];
  readonly upheldBy: readonly string[];
  /** Units to be enabled and disabled together with this one. */
  readonly also: readonly string[];
  /** Empty when there is none. */
  readonly defaultInstance: string;
}

/**
 * Reads the "KEY=VALUE" lines of a unit file and its drop-ins, in the order in which they count. Several of a kind add
 * up, an empty value starts over.
 */
export function parseInstall(...texts: readonly string[]): Install {
  const settings = new Map<string, string[]>();
  for (const { section, key, value } of texts.flatMap(parseUnitFile)) {
    if (section !== 'Install') continue;
    const values = settings.get(key);
    if (values === undefined || value === '') settings.set(key, value === '' ? [] : [value]);
    else values.push(value);
  }
  const words = (key: string): readonly string[] => (settings.get(key) ?? []).flatMap(splitWords);
  return {
    aliases: words('Alias'),
    wantedBy: words('WantedBy'),
    requiredBy: words('RequiredBy'),
    upheldBy: words('UpheldBy'),
    also: words('Also'),
    defaultInstance: settings.get('DefaultInstance')?.at(-1) ?? '',
  };
}

/** Whether the section says how to enable the unit itself. */
export function hasRules({ aliases, wantedBy, requiredBy, upheldBy }: Install): boolean {
  return [aliases, wantedBy, requiredBy, upheldBy].some((names) => names.length > 0);
}

/** Words separated by white space; quotes of either sort keep one together. */
function splitWords(text: string): readonly string[] {
  const words = text.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2')).filter((word) => word !== '');
}
