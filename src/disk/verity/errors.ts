/** How an image whose verity data is no good is refused. */
import { PortableError, quoted } from '../../base/errors.ts';

/**
 * @param file what is corrupt: a side-car, or an image with the partition
 * @param what which structure is wrong, where, and how, as it fits after a colon
 */
export function corruptVerity(file: string, what: string): PortableError {
  return new PortableError('InvalidArgs', `${quoted(file)} has no good verity data: ${what}`, {
    file,
    hint: 'copy the image and all that belongs to it again, or make them again with veritysetup(8)',
  });
}

/** @param what is not known, as it fits after "uses " */
export function unsupportedVerity(file: string, what: string): PortableError {
  return new PortableError('NotSupported', `${quoted(file)} has a hash tree that uses ${what}`, { file });
}
