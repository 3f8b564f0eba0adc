/**
 * Where verity comes between an image's bytes and the reader of its file system: the only place that decides
 * whether, and how, the bytes of a data partition are checked.
 */
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
  const { name } = volume.source;
  return Promise.reject(
    new PortableError('NotSupported', `${quoted(name)} is protected by verity, which is not checked yet`, {
      file: name,
    }),
  );
}
