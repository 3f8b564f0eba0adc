/** The two ways in which a reader refuses an image. */
import { PortableError, quoted } from '../base/errors.ts';

/** Makes the error of an image; the caller throws it. */
type Refusal = (image: string, what: string) => PortableError;

/**
 * @param type the file system, as it fits after "is a corrupt"
 * @param article "a" or "an"
 * @param remake how an image comes about that this reader knows
 */
export function fileSystemErrors(
  article: 'a' | 'an',
  type: string,
  remake: string,
): {
  /** `what` is wrong, with the structure and where it lies. */
  readonly corrupt: Refusal;
  /** `what` this reader does not know, as it fits after "uses ". */
  readonly unsupported: Refusal;
} {
  return {
    corrupt: (image, what) =>
      new PortableError('InvalidArgs', `${quoted(image)} is truncated or a corrupt ${type}: ${what}`, {
        file: image,
        hint: 'copy the image again, or compare its checksum',
      }),
    unsupported: (image, what) =>
      new PortableError('NotSupported', `${quoted(image)} is ${article} ${type} that uses ${what}`, {
        file: image,
        hint: remake,
      }),
  };
}
