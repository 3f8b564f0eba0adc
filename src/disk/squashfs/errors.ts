/** A squashfs image that is refused. */
import { fileSystemErrors } from '../file-system-errors.ts';

export const { corrupt, unsupported } = fileSystemErrors(
  'a',
  'squashfs',
  'make the image again with a current mksquashfs',
);
