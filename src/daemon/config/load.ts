/** Reads the configuration: what it says where it makes sense, a warning and the default where it does not. */
import { readFileSync } from 'node:fs';

import { errnoOf, messageOf, quoted } from '../../base/errors.ts';
import { findConfigFiles } from './files.ts';
import { nearest } from '../../base/nearest.ts';
import { defaultConfig, options, type Config } from './options.ts';
import { BadValue } from './values.ts';

/** The configuration and what there is to say about its files. */
export interface LoadedConfig {
  readonly config: Config;
  /** One sentence per unknown key, bad value or unreadable file; they name the file and the key. */
  readonly warnings: readonly string[];
}

/**
 * Never fails: a daemon that does not start because of a typing mistake helps nobody.
 * @param root the host root; `dirs` are below it, most important first (config/files.ts)
 */
export async function loadConfig(root: string, dirs: readonly string[]): Promise<LoadedConfig> {
  const files = findConfigFiles(root, dirs);
  if (files.length === 0) return { config: defaultConfig, warnings: [] };
  const { parseIni } = await import('./ini.ts'); // late: most hosts have no configuration file
  const warnings: string[] = [];
  let config = defaultConfig;
  for (const file of files) {
    const text = read(file, warnings);
    if (text !== undefined) config = applyFile(config, parseIni(text), file, warnings);
  }
  return { config, warnings };
}

function read(file: string, warnings: string[]): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    warnings.push(`${file} is ignored: ${messageOf(error)}`);
    return undefined;
  }
}

/** Applies one parsed file key by key; `parsed` has no prototype, nor do its sections (ini makes them so). */
function applyFile(
  before: Config,
  parsed: Readonly<Record<string, unknown>>,
  file: string,
  warnings: string[],
): Config {
  let config = before;
  for (const [section, content] of Object.entries(parsed)) {
    if (!isSection(content)) {
      warnings.push(`${file}: ${quoted(section)} stands outside of a section, ignored`);
      continue;
    }
    for (const [key, value] of Object.entries(content)) {
      config = applyKey(config, { file, section, key, value }, warnings);
    }
  }
  return config;
}

interface Assignment {
  readonly file: string;
  readonly section: string;
  readonly key: string;
  readonly value: unknown;
}

function applyKey(config: Config, { file, section, key, value }: Assignment, warnings: string[]): Config {
  const option = options.find((known) => known.section === section && known.key === key);
  if (option === undefined) {
    warnings.push(
      `${file}: unknown key ${quoted(key)} in section [${section}], ignored${hint(section, key)}`,
    );
    return config;
  }
  const text = textOf(value);
  try {
    // an empty assignment resets, as everywhere in systemd's files
    return option.apply(config, text === '' ? option.byDefault : text);
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    warnings.push(`${file}: ${key}=${quoted(text)} is ${error.message}, ignored`);
    return config;
  }
}

/** What a value was in the file: ini gives numbers as text but turns true, false, null, and lists, into theirs. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value.trim();
  if (Array.isArray(value)) return value.map(textOf).join(',');
  return typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}

function hint(section: string, key: string): string {
  const inSection = options.filter((option) => option.section === section).map((option) => option.key);
  const near = nearest(key, inSection);
  if (near !== undefined) return ` (did you mean ${near}=?)`;
  const elsewhere = options.find(
    (option) =>
      option.key ===
      nearest(
        key,
        options.map((known) => known.key),
      ),
  );
  return elsewhere === undefined ? '' : ` (did you mean ${elsewhere.key}= in [${elsewhere.section}]?)`;
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
