/**
 * JSON documents of container images: read within limits, and looked into by getters whose errors name document and
 * field.
 */
import { PortableError, quoted } from '../../base/errors.ts';
import type { BlockSource } from '../../disk/source.ts';
import { checkDigest, startDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import type { LayoutFiles } from './files.ts';

/** As registries limit manifests (OCI Distribution Specification, section "Pushing Manifests"). */
const maxBytes = 4 * 1024 * 1024;

/** A value of a document, and how to get there. */
export interface JsonValue {
  readonly value: unknown;
  /** The document's path and the field in it, for messages. */
  readonly place: string;
  readonly file: string;
}

/**
 * @param digest checked when given
 * @returns undefined when there is no such file
 * @throws PortableError InvalidArgs, LimitsExceeded
 */
export async function readDocument(
  files: LayoutFiles,
  file: string,
  digest?: Digest,
): Promise<JsonValue | undefined> {
  const source = await files.open(file);
  if (source === undefined) return undefined;
  try {
    return parse(files, file, await readBytes(source, files, file), digest);
  } finally {
    await source.close();
  }
}

async function readBytes(source: BlockSource, files: LayoutFiles, file: string): Promise<Buffer> {
  if (source.size > BigInt(maxBytes)) {
    throw new PortableError(
      'LimitsExceeded',
      `${quoted(file)} in ${quoted(files.name)} is larger than ${maxBytes} bytes`,
      {
        file: files.name,
      },
    );
  }
  return await source.read(0n, Number(source.size));
}

function parse(files: LayoutFiles, file: string, bytes: Buffer, digest: Digest | undefined): JsonValue {
  if (digest !== undefined) checkDigest(startDigest(digest).update(bytes), digest, quoted(file), files.name);
  try {
    return { value: JSON.parse(bytes.toString('utf8')), place: quoted(file), file: files.name };
  } catch (cause) {
    throw new PortableError('InvalidArgs', `${quoted(file)} in ${quoted(files.name)} is not JSON`, {
      file: files.name,
      cause,
    });
  }
}

/** A field of an object; its value is undefined when it is missing or null. @throws PortableError InvalidArgs */
export function field(json: JsonValue, name: string): JsonValue {
  const { value } = json;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(json, 'an object');
  const found: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
  return { value: found ?? undefined, place: `${name} of ${json.place}`, file: json.file };
}

/** @throws PortableError InvalidArgs when it is something else; missing is an error, too */
export function text(json: JsonValue): string {
  if (typeof json.value !== 'string' || !json.value.isWellFormed()) throw bad(json, 'a string');
  return json.value;
}

/** As text; undefined when it is missing. */
export function optionalText(json: JsonValue): string | undefined {
  return json.value === undefined ? undefined : text(json);
}

/** A size: a number of bytes. */
export function size(json: JsonValue): number {
  const { value } = json;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw bad(json, 'a size');
  return value;
}

/** The elements of an array; none when it is missing. */
export function elements(json: JsonValue): JsonValue[] {
  if (json.value === undefined) return [];
  if (!Array.isArray(json.value)) throw bad(json, 'an array');
  return json.value.map((value: unknown, i) => ({
    value,
    place: `element ${i} of ${json.place}`,
    file: json.file,
  }));
}

/** The names of an object's fields; none when it is missing. */
export function names(json: JsonValue): string[] {
  const { value } = json;
  if (value === undefined) return [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(json, 'an object');
  return Object.keys(value);
}

function bad({ value, place, file }: JsonValue, expected: string): PortableError {
  const found = value === undefined ? 'missing' : `not ${expected}`;
  return new PortableError('InvalidArgs', `${place} in ${quoted(file)} is ${found}`, {
    file,
    hint: `it must be ${expected}`,
  });
}
