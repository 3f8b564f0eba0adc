/** The [Install] section of a unit file (systemd.unit(5), "[Install] Section Options"; systemd.syntax(7)). */

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
  const settings = new Map<string, string>();
  for (const text of texts) {
    let section = '';
    for (const line of logicalLines(text)) {
      const header = /^\s*\[(.*)\]\s*$/.exec(line);
      if (header !== null) section = header[1] ?? '';
      const setting = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line);
      if (setting === null || section !== 'Install') continue;
      const [, key = '', value = ''] = setting;
      const before = key === 'DefaultInstance' ? '' : (settings.get(key) ?? '');
      settings.set(key, value === '' ? '' : `${before} ${value}`.trim());
    }
  }
  const words = (key: string): readonly string[] => splitWords(settings.get(key) ?? '');
  return {
    aliases: words('Alias'),
    wantedBy: words('WantedBy'),
    requiredBy: words('RequiredBy'),
    upheldBy: words('UpheldBy'),
    also: words('Also'),
    defaultInstance: settings.get('DefaultInstance') ?? '',
  };
}

/** Whether the section says how to enable the unit itself. */
export function hasRules({ aliases, wantedBy, requiredBy, upheldBy }: Install): boolean {
  return [aliases, wantedBy, requiredBy, upheldBy].some((names) => names.length > 0);
}

/** Lines without comments; a backslash at the end continues a line, over comments, too. */
function* logicalLines(text: string): Generator<string> {
  let line = '';
  for (const physical of text.split(/\r?\n/)) {
    if (/^\s*[#;]/.test(physical)) continue;
    if (physical.endsWith('\\')) {
      line += `${physical.slice(0, -1)} `;
      continue;
    }
    yield line + physical;
    line = '';
  }
  if (line !== '') yield line;
}

/** Words separated by white space; quotes of either sort keep one together. */
function splitWords(text: string): readonly string[] {
  const words = text.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2')).filter((word) => word !== '');
}
