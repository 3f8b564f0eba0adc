/** The two ways in which a squashfs image is refused. */
import { PortableError, quoted } from '../../base/errors.ts';

/** @param what is wrong, with the structure and where it lies, as it fits after "corrupt squashfs: " */
export function corrupt(image: string, what: string): PortableError {
  return new PortableError('InvalidArgs', `${quoted(image)} is truncated or a corrupt squashfs: ${what}`, {
    file: image,
    hint: 'copy the image again, or compare its checksum',
  });
}

/** @param what this reader does not know, as it fits after "uses " */
export function unsupported(image: string, what: string): PortableError {
  return new PortableError('NotSupported', `${quoted(image)} is a squashfs that uses ${what}`, {
    file: image,
    hint: 'make the image again with a current mksquashfs',
  });
}
