/** From what people write (a build file's JSON, the command's options) to a checked description. */
import path from 'node:path';

import { PortableError, quoted } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import type { BuildDescription, ContentRequest, SymlinkRequest } from './description.ts';
import { keys, type Key, type KeyKind } from './keys.ts';

/** Parameters as JSON has them: not looked at yet. */
export type RawDescription = Readonly<Record<string, unknown>>;

/** Where parameters come from, for messages and relative paths. */
export interface DescriptionSource {
  /** "build.json", "the command line". */
  readonly label: string;
  /** Relative paths start here; absolute. */
  readonly directory: string;
  /** How a key is called there. */
  readonly nameOf: (key: string) => string;
}

/**
 * Reads the text of a build file into raw parameters.
 * @throws PortableError InvalidArgs when it is no JSON object
 */
export function parseBuildFile(text: string, file: string): RawDescription {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const message = `${quoted(file)} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new PortableError('InvalidArgs', message, { file, cause });
  }
  if (isObject(parsed)) return parsed;
  throw new PortableError('InvalidArgs', `${quoted(file)} must hold one JSON object`, { file });
}

/**
 * Checks every parameter and makes the paths absolute.
 * @returns those that are there; whether any is missing is looked at when all sources are put together
 * @throws PortableError InvalidArgs naming the source and the key; an unknown key with the one that was meant
 */
export function readParameters(raw: RawDescription, source: DescriptionSource): Partial<BuildDescription> {
  const read = Object.entries(raw)
    .filter(([name]) => name !== '$schema')
    .map(([name, value]) => {
      const key = knownKey(name, source);
      const where = `${source.nameOf(name)} in ${source.label}`;
      return [name, readValue(key.kind, value, where, source)] as const;
    });
  return Object.fromEntries(read);
}

/**
 * Puts parameters of several sources together, later ones first in rank; lists are joined.
 * @throws PortableError InvalidArgs when a required one is missing
 */
export function completeDescription(sources: readonly Partial<BuildDescription>[]): BuildDescription {
  const all: Record<string, unknown> = {};
  for (const [name, value] of sources.flatMap((each) => Object.entries(each))) {
    const earlier = all[name];
    all[name] =
      Array.isArray(earlier) && Array.isArray(value)
        ? [...(earlier as unknown[]), ...(value as unknown[])]
        : value;
  }
  for (const [name, key] of Object.entries<Key>(keys)) {
    if (key.required === true && all[name] === undefined) {
      throw new PortableError('InvalidArgs', `the image needs a ${name}`, {
        hint: `--${key.option} ${key.value ?? ''}, or "${name}" in a build file`,
      });
    }
  }
  return all as unknown as BuildDescription;
}

function knownKey(name: string, source: DescriptionSource): Key {
  const key = Object.entries<Key>(keys).find(([known]) => known === name)?.[1];
  if (key !== undefined) return key;
  const meant = nearest(name, Object.keys(keys));
  throw new PortableError('InvalidArgs', `${source.label} has an unknown key ${quoted(name)}`, {
    file: source.label,
    hint: meant === undefined ? `known are ${Object.keys(keys).join(', ')}` : `did you mean "${meant}"?`,
  });
}

function readValue(kind: KeyKind, value: unknown, where: string, source: DescriptionSource): unknown {
  if (typeof kind === 'object') {
    const text = textOf(value, where);
    if (kind.choice.includes(text)) return text;
    throw invalid(where, `is ${quoted(text)}`, `one of ${kind.choice.join(', ')}`);
  }
  switch (kind) {
    case 'text':
      return textOf(value, where);
    case 'flag':
      if (typeof value === 'boolean') return value;
      throw invalid(where, 'is neither true nor false');
    case 'bytes':
      return bytesOf(value, where);
    case 'path':
      return path.resolve(source.directory, textOf(value, where));
    case 'texts':
      return listOf(value, where).map((item) => textOf(item, where));
    case 'paths':
      return listOf(value, where).map((item) => path.resolve(source.directory, textOf(item, where)));
    case 'contents':
      return listOf(value, where).map((item) => contentOf(textOf(item, where), where, source));
    case 'symlinks':
      return listOf(value, where).map((item) => symlinkOf(item, where));
  }
}

/** "SRC:DEST": split at the last colon before an absolute path. */
function contentOf(text: string, where: string, source: DescriptionSource): ContentRequest {
  const colon = text.lastIndexOf(':/');
  const [from, to] = colon <= 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
  if (from.startsWith('/'))
    return { source: path.posix.normalize(from), local: false, destination: to ?? from };
  if (to === undefined) {
    throw invalid(where, `does not say where ${quoted(from)} goes`, 'SRC:DEST for a relative SRC');
  }
  return { source: path.resolve(source.directory, from), local: true, destination: to };
}

/** "OBJECT:LINK", or an object with both. */
function symlinkOf(item: unknown, where: string): SymlinkRequest {
  const [object, symlink, ...more] =
    typeof item === 'string'
      ? item.split(':')
      : isObject(item)
        ? [item['object'], item['symlink'], ...Object.keys(item).slice(2)]
        : [];
  const absolute = (value: unknown): value is string => typeof value === 'string' && value.startsWith('/');
  if (absolute(object) && absolute(symlink) && more.length === 0) return { object, symlink };
  throw invalid(where, 'is no symlink', '"object" and "symlink", both absolute paths in the image');
}

function bytesOf(value: unknown, where: string): number {
  const match = /^(\d{1,9})([KM]?)$/.exec(typeof value === 'number' ? String(value) : textOf(value, where));
  if (match === null) throw invalid(where, 'is no number of bytes', '1048576, "128K" or "1M"');
  const unit = { '': 1, K: 1024, M: 1024 * 1024 }[match[2] as '' | 'K' | 'M'];
  return Number(match[1]) * unit;
}

function textOf(value: unknown, where: string): string {
  if (typeof value !== 'string') throw invalid(where, 'is no text');
  if (value === '' || /[\0\n\r]/.test(value) || !value.isWellFormed()) {
    throw invalid(where, 'is empty, or more than a line');
  }
  return value;
}

function listOf(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(where, 'is no list');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(where: string, what: string, expected?: string): PortableError {
  const hint = expected === undefined ? undefined : `expected: ${expected}`;
  return new PortableError('InvalidArgs', `${where} ${what}`, { hint });
}
