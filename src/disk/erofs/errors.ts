/** An EROFS image that is refused. */
import { fileSystemErrors } from '../file-system-errors.ts';

export const { corrupt, unsupported } = fileSystemErrors(
  'an',
  'erofs',
  'make the image again without it, with other options of mkfs.erofs',
);
