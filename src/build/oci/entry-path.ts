/** Names in layers, checked: OCI Image Format Specification, layer.md; limits.h for NAME_MAX and PATH_MAX. */
import { isUtf8 } from 'node:buffer';
import { PortableError, escapeControl, quoted } from '../../base/errors.ts';

/** Directories above a file, links resolved. */
export const maxDepth = 256;

const maxName = 255;
const maxPath = 4095;

/** Says what is wrong with an entry of a layer, and where it is. */
export class LayerEntry {
  readonly #archive: string;
  readonly #name: string;

  /** @param archive the layer, as messages call it */
  constructor(archive: string, path: Buffer) {
    this.#archive = archive;
    this.#name = path.toString();
  }

  /** @param what as it fits after "the entry 'NAME'" */
  refused(what: string, hint?: string): PortableError {
    const message = `${escapeControl(this.#archive)}: the entry ${quoted(this.#name)} ${what}`;
    return new PortableError('InvalidArgs', message, { file: this.#archive, hint });
  }

  limited(what: string, hint: string): PortableError {
    const message = `${escapeControl(this.#archive)}: with the entry ${quoted(this.#name)} there are ${what}`;
    return new PortableError('LimitsExceeded', message, { file: this.#archive, hint });
  }
}

/**
 * The components of a path in a layer; none for the root directory.
 * @param what which path it is, as it fits after "has"
 * @throws PortableError InvalidArgs when it leads up or is absolute, is not text, or too long
 */
export function componentsOf(path: Buffer, what: string, entry: LayerEntry): string[] {
  const text = textOf(path, what, entry);
  const components = text.split('/').filter((name) => name !== '' && name !== '.');
  if (text.startsWith('/') && components.length > 0) throw entry.refused(`has an absolute ${what}`);
  if (components.includes('..')) throw entry.refused(`has ".." in its ${what}`);
  if (components.some((name) => Buffer.byteLength(name) > maxName) || components.length > maxDepth) {
    throw entry.refused(`has a ${what} that is too long or too deep`);
  }
  return components;
}

/**
 * The target of a symlink, as it is.
 * @throws PortableError InvalidArgs when it is empty, is not text, or too long
 */
export function targetOf(target: Buffer, entry: LayerEntry): string {
  if (target.length === 0) throw entry.refused('is a symlink to nothing');
  return textOf(target, 'link target', entry);
}

function textOf(bytes: Buffer, what: string, entry: LayerEntry): string {
  if (!isUtf8(bytes)) throw entry.refused(`has a ${what} that is not UTF-8`);
  if (bytes.includes(0)) throw entry.refused(`has a NUL byte in its ${what}`);
  if (bytes.length > maxPath) throw entry.refused(`has a ${what} that is too long or too deep`);
  return bytes.toString();
}
