/** The two ways in which an EROFS image is refused. */
import { PortableError, quoted } from '../../base/errors.ts';

/** @param what is wrong, with the structure and where it lies, as it fits after "corrupt erofs: " */
export function corrupt(image: string, what: string): PortableError {
  return new PortableError('InvalidArgs', `${quoted(image)} is truncated or a corrupt erofs: ${what}`, {
    file: image,
    hint: 'copy the image again, or compare its checksum',
  });
}

/** @param what this reader does not know, as it fits after "uses " */
export function unsupported(image: string, what: string): PortableError {
  return new PortableError('NotSupported', `${quoted(image)} is an erofs that uses ${what}`, {
    file: image,
    hint: 'make the image again without it, with other options of mkfs.erofs',
  });
}
