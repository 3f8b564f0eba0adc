/** An xfs image that is refused. */
import { fileSystemErrors } from '../file-system-errors.ts';

export const { corrupt, unsupported } = fileSystemErrors(
  'an',
  'xfs',
  'make the image again without it, with other options of mkfs.xfs',
);
