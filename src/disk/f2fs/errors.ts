/** How this reader refuses an image. */
import { fileSystemErrors } from '../file-system-errors.ts';

export const { corrupt, unsupported } = fileSystemErrors(
  'an',
  'f2fs',
  'make the file system again with mkfs.f2fs(8)',
);
