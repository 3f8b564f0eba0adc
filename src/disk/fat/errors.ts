/** How this reader refuses an image. */
import { fileSystemErrors } from '../file-system-errors.ts';

export const { corrupt, unsupported } = fileSystemErrors(
  'a',
  'vfat',
  'make the file system again with mkfs.fat(8)',
);
