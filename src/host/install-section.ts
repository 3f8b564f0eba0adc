/** The [Install] section of a unit file (systemd.unit(5), "[Install] Section Options"; systemd.syntax(7)). */

export interface Install {
  /** It says how to enable the unit. */
  readonly rules: boolean;
  readonly also: boolean;
  readonly aliases: readonly string[];
  /** Empty when there is none. */
  readonly defaultInstance: string;
}

/** Reads "KEY=VALUE" lines, continued by a backslash; several of a kind add up, an empty value starts over. */
export function parseInstall(text: string): Install {
  const settings = new Map<string, string>();
  let section = '';
  for (const line of text.replace(/\\\r?\n/g, ' ').split('\n')) {
    const header = /^\s*\[(.*)\]\s*$/.exec(line);
    if (header !== null) section = header[1] ?? '';
    const setting = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (setting === null || section !== 'Install') continue;
    const [, key = '', value = ''] = setting;
    settings.set(key, value === '' ? '' : `${settings.get(key) ?? ''} ${value}`.trim());
  }
  const has = (key: string): boolean => (settings.get(key) ?? '') !== '';
  return {
    rules: ['Alias', 'WantedBy', 'RequiredBy', 'UpheldBy'].some(has),
    also: has('Also'),
    aliases: (settings.get('Alias') ?? '').split(/\s+/).filter((alias) => alias !== ''),
    defaultInstance: settings.get('DefaultInstance') ?? '',
  };
}
