/**
 * Where verity comes between an image's bytes and the reader of its file system: the only place that decides
 * whether, and how, the bytes of a data partition are checked.
 */
import { existsSync } from 'node:fs';
import { PortableError, quoted } from '../base/errors.ts';
import type { Dissection, Volume } from './dissect.ts';
import type { Protection } from './image-policy.ts';
import type { Designator } from './partition/discoverable.ts';
import type { BlockSource } from './source.ts';

/** A data volume as it may be read. */
export interface ProtectedVolume {
  readonly source: BlockSource;
  readonly protection: Protection;
}

/**
 * The bytes of the root or usr volume, checked block by block where the image has a hash tree for them.
 * @throws PortableError NotSupported when the image has a hash tree: nothing is read past one unchecked
 */
export function protect(dissection: Dissection, volume: Volume): Promise<ProtectedVolume> {
  const tree: Designator | undefined =
    volume.designator === 'root' ? 'root-verity' : volume.designator === 'usr' ? 'usr-verity' : undefined;
  if (tree === undefined || !dissection.volumes.has(tree)) {
    return Promise.resolve({ source: volume.source, protection: 'unprotected' });
  }
  return Promise.reject(notChecked(volume.source.name, 'a verity partition'));
}

/** Files beside an image NAME.raw that hold its hash tree or say how it must hash (systemd-nspawn(1), --root-hash=). */
const sideCars = ['.roothash', '.usrhash', '.verity'] as const;

/**
 * Refuses a raw image whose hash is kept beside it: the service manager would insist on it, and nothing is read past
 * a hash unchecked.
 * @param path on disk
 * @throws PortableError NotSupported naming the file
 */
export function refuseSideCars(path: string): void {
  const base = path.replace(/\.raw$/, '');
  const found = sideCars.map((suffix) => base + suffix).find((file) => existsSync(file));
  if (found !== undefined) throw notChecked(path, quoted(found));
}

function notChecked(image: string, by: string): PortableError {
  return new PortableError(
    'NotSupported',
    `${quoted(image)} is protected by ${by}, which cannot be checked yet`,
    {
      file: image,
      hint: 'systemd-portabled can attach it',
    },
  );
}
